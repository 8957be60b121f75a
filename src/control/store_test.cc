#include "control/store.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/testing.h"
#include "netmap/testing.h"

namespace warren::control {
namespace {

using netmap::testing::kNow;
using netmap::testing::machine;

// A server's life from its start to its end; the next one finds what it left.
struct Life {
  explicit Life(const std::string& directory) {
    auto opened = Store::open(directory, "test", kNow, Log::nowhere());
    EXPECT_TRUE(opened) << opened.error().detail;
    store = std::move(*opened);
    model = std::make_unique<netmap::Model>(netmap::Settings{}, store->ids(), random);
    auto loaded = store->load(*model, kNow);
    EXPECT_TRUE(loaded) << loaded.error().detail;
    soft = std::move(*loaded);
  }

  Result<void> commit(const netmap::Changes& changes, std::vector<SoftRow> rows = {}) {
    std::promise<Result<void>> promise;
    store->commit({.changes = changes, .soft = std::move(rows)}, kNow,
                  [&](Result<void> result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  SeededRandom random{7};
  std::unique_ptr<Store> store;
  std::unique_ptr<netmap::Model> model;
  std::vector<SoftRow> soft;
};

TEST(Store, KeepsEverythingThatWasCommitted) {
  const db::TemporaryDirectory directory;
  netmap::Tables before;
  SoftState state;
  state.disco_key = netmap::testing::numbered_key<DiscoPublicKey>(9);
  state.home = {901};
  state.version = 142;
  state.endpoints = {*Endpoint::parse("192.0.2.7:41641"), *Endpoint::parse("[2001:db8::1]:1")};
  state.hostinfo.os = "linux";
  state.last_seen = kNow;
  {
    Life life(directory.path());
    netmap::Changes changes;
    const auto ann = life.model->create_user("ann", "Ann", kNow, changes).value();
    netmap::AuthKeyWish wish;
    wish.owner = netmap::Owner::of(ann);
    wish.is_reusable = true;
    wish.lifetime = 1h;
    const auto key = life.model->create_auth_key(wish, kNow, changes).value();
    const netmap::Owner tagged{.user = {}, .tags = {"tag:a", "tag:b"}};
    ASSERT_TRUE(life.model->admit_hub(machine(8, 8), kNow, changes));
    const auto device =
        life.model->create_device({.name = "phone",
                                   .owner = tagged,
                                   .key = netmap::testing::numbered_key<NodePublicKey>(7),
                                   .expires = kNow.after(1h)},
                                  kNow, changes);
    ASSERT_TRUE(device);
    wish.owner = tagged;
    ASSERT_TRUE(life.model->create_auth_key(wish, kNow, changes));
    const auto one = life.model->admit_by_key(machine(1, 1), key.secret, kNow, changes).value();
    const auto two = life.model->admit_by_key(machine(2, 2), key.secret, kNow, changes).value();
    ASSERT_TRUE(life.commit(changes, {{.node = one.node, .state = state}}));
    changes.clear();
    ASSERT_TRUE(life.model->delete_node(two.node, kNow, changes));
    ASSERT_TRUE(life.model->disable_device(*device, changes));
    ASSERT_TRUE(life.model->set_owner(*device, netmap::Owner::of(ann), kNow, changes));
    ASSERT_TRUE(life.model->admit_by_key(machine(1, 3), key.secret, kNow, changes));
    ASSERT_TRUE(life.commit(changes));
    before = life.model->tables();
  }
  Life life(directory.path());
  EXPECT_TRUE(life.model->tables() == before);
  ASSERT_EQ(life.soft.size(), 1);
  EXPECT_EQ(life.soft[0].state, state);
  EXPECT_TRUE(life.model->check());
}

TEST(Store, NeverHandsOutANumberTwice) {
  const db::TemporaryDirectory directory;
  netmap::NodeId last;
  for (int start = 0; start < 3; ++start) {
    Life life(directory.path());
    for (int i = 0; i < 1000; ++i) {
      const netmap::NodeId next = life.store->ids().next_node();
      EXPECT_GT(next, last);
      last = next;
      if (i % 100 == 0) ASSERT_TRUE(life.commit({}));
    }
  }
}

TEST(Store, SurvivesManyFailedCommitsInARow) {
  const db::TemporaryDirectory directory;
  Life life(directory.path());
  netmap::Changes changes;
  const auto ann = life.model->create_user("ann", "", kNow, changes).value();
  ASSERT_TRUE(life.commit(changes));
  auto other = db::must(db::Connection::open(directory.file("warren.db"), {}));
  db::must(other.execute("UPDATE log_head SET seq = seq + 100"));
  for (int i = 0; i < 3000; ++i) {
    changes.clear();
    ASSERT_TRUE(life.model->admit_for(machine(1, 1), netmap::Owner::of(ann), kNow, changes));
    if (i % 100 == 0) ASSERT_FALSE(life.commit(changes));
    life.model->undo(changes);
  }
  db::must(other.execute("UPDATE log_head SET seq = seq - 100"));
  changes.clear();
  const auto node =
      life.model->admit_for(machine(1, 1), netmap::Owner::of(ann), kNow, changes).value().node;
  ASSERT_TRUE(life.commit(changes));
  EXPECT_GT(db::must(other.query_number("SELECT next FROM id_block WHERE kind = 'node'")).value(),
            node.value);
}

TEST(Store, SetsABadRowAsideAndStarts) {
  const db::TemporaryDirectory directory;
  {
    Life life(directory.path());
    netmap::Changes changes;
    const auto ann = life.model->create_user("ann", "", kNow, changes).value();
    const auto of_ann = netmap::Owner::of(ann);
    ASSERT_TRUE(life.model->admit_for(machine(1, 1), of_ann, kNow, changes));
    ASSERT_TRUE(life.model->admit_for(machine(2, 2, "ok"), of_ann, kNow, changes));
    ASSERT_TRUE(life.commit(changes));
  }
  {
    auto connection = db::must(db::Connection::open(directory.file("warren.db"), {}));
    db::must(connection.execute("UPDATE node SET name = 'Not A Label' WHERE id = 1"));
  }
  Life life(directory.path());
  EXPECT_EQ(life.model->tables().nodes().size(), 1);
  EXPECT_EQ(life.model->tables().nodes().begin()->second.name, "ok");
  life.store->stop();
  auto connection = db::must(db::Connection::open(directory.file("warren.db"), {}));
  EXPECT_EQ(db::must(connection.query_number("SELECT COUNT(*) FROM quarantine")), 1);
}

TEST(Store, LogsEveryChangeWithoutSecrets) {
  const db::TemporaryDirectory directory;
  {
    Life life(directory.path());
    netmap::Changes changes;
    const auto ann = life.model->create_user("ann", "", kNow, changes).value();
    netmap::AuthKeyWish wish;
    wish.owner = netmap::Owner::of(ann);
    ASSERT_TRUE(life.model->create_auth_key(wish, kNow, changes));
    ASSERT_TRUE(life.commit(changes));
  }
  auto connection = db::must(db::Connection::open(directory.file("warren.db"), {}));
  EXPECT_EQ(db::must(connection.query_number("SELECT MAX(seq) FROM change_log")), 2);
  EXPECT_EQ(db::must(connection.query_number("SELECT seq FROM log_head")), 2);
  const auto body = db::must(connection.query_text("SELECT body FROM change_log WHERE seq = 2"));
  EXPECT_EQ(body->find("hash"), std::string::npos);
}

}  // namespace
}  // namespace warren::control
