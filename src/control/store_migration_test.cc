#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/fingerprint.h"
#include "control/schema.h"
#include "control/store.h"
#include "db/migrations.h"
#include "db/testing.h"
#include "netmap/testing.h"

namespace warren::control {
namespace {

using netmap::testing::kNow;
using netmap::testing::machine;
using ::testing::HasSubstr;

// What the first release wrote: a user, a key, two nodes of which one is deleted, and their leases.
constexpr std::string_view kFirstRows = R"(
UPDATE log_head SET seq = 2;
UPDATE id_block SET next = 1025;
INSERT INTO app_user VALUES (1, 1, 'ann', 'Ann', 1800000000000000);
INSERT INTO auth_key VALUES (1, 'abc', zeroblob(32), 1, 'rack', 1, 0, 1800000000000000, NULL, NULL, 3);
INSERT INTO node VALUES (1, 1, 'nfirst', x'0101010101010101010101010101010101010101010101010101010101010101',
  x'0101010101010101010101010101010101010101010101010101010101010101',
  x'0909090909090909090909090909090909090909090909090909090909090909', 1, 'NAS', 'nas', 1, x'64400001', 0, 'abc',
  1815552000000000, 1800000000000000);
INSERT INTO node_soft VALUES (1, 1, x'0101010101010101010101010101010101010101010101010101010101010101', 901, 142,
  '192.0.2.1:41641', '{"OS":"linux"}', NULL);
INSERT INTO address VALUES (1, x'64400001', 1, NULL), (1, x'64400002', 2, 1800000000000000);
INSERT INTO name_lease VALUES (1, 'nas', 1, 1, NULL), (1, 'old', 2, 1, 1800000000000000);
INSERT INTO change_log VALUES (1, 1, 1800000000000000, 'hard', 'user', '1', '{}'),
  (1, 2, 1800000000000000, 'hard', 'node', '1', '{}');
)";

void make_first(const std::string& path) {
  auto connection = db::must(db::Connection::open(path, {}));
  const db::Migrations first{.list = std::span(kMigrations).first(1), .program = "first"};
  ASSERT_TRUE(db::apply_migrations(connection, first, 1, kNow));
  ASSERT_TRUE(connection.script(kFirstRows));
}

struct Life {
  explicit Life(const std::string& directory) {
    auto opened = Store::open(directory, "test", kNow, Log::nowhere());
    EXPECT_TRUE(opened) << opened.error().detail;
    store = std::move(*opened);
    model = std::make_unique<netmap::Model>(netmap::Settings{}, store->ids(), random);
    soft = store->load(*model, kNow).value();
  }

  SeededRandom random{7};
  std::unique_ptr<Store> store;
  std::unique_ptr<netmap::Model> model;
  std::vector<SoftRow> soft;
};

TEST(StoreMigration, KeepsWhatTheFirstReleaseWrote) {
  const db::TemporaryDirectory directory;
  make_first(directory.file("warren.db"));
  std::string before;
  {
    auto connection = db::must(db::Connection::open(directory.file("warren.db"), {}));
    before = db::must(fingerprint(connection, 1));
    EXPECT_THAT(before, HasSubstr("users=1 auth_keys=1 nodes=1"));
  }
  Life life(directory.path());
  ASSERT_TRUE(life.store->report().migrated);
  EXPECT_EQ(life.store->report().migrated->from, 1);
  EXPECT_EQ(life.store->report().migrated->to, 2);
  EXPECT_EQ(life.store->set_aside(), 0);
  EXPECT_TRUE(life.model->check());
  const netmap::Node* const nas = life.model->tables().find_node(machine(1, 1).node_key);
  ASSERT_NE(nas, nullptr);
  EXPECT_EQ(nas->kind, netmap::NodeKind::Mesh);
  EXPECT_EQ(nas->owner, netmap::Owner::of({1}));
  EXPECT_EQ(nas->name, "nas");
  EXPECT_EQ(nas->old_key, machine(1, 9).node_key);
  EXPECT_EQ(nas->auth_key_id, "abc");
  EXPECT_TRUE(nas->key_expiry);
  EXPECT_EQ(life.model->tables().find_auth_key("abc")->uses, 3);
  EXPECT_EQ(life.soft.at(0).state->hostinfo.os, "linux");
  life.store->stop();
  auto connection = db::must(db::Connection::open(directory.file("warren.db"), {}));
  EXPECT_EQ(db::must(fingerprint(connection, 2)), before);
}

// So does an upgrade that goes wrong later: the file is as it was, the copy too.
TEST(StoreMigration, LeavesACopyOfTheOldDatabase) {
  const db::TemporaryDirectory directory;
  make_first(directory.file("warren.db"));
  const Life life(directory.path());
  const std::string copy = life.store->report().migrated->copy;
  auto connection = db::must(db::Connection::open(copy, {}));
  EXPECT_EQ(db::must(db::read_schema_state(connection)).version, 1);
  EXPECT_THAT(db::must(fingerprint(connection, 1)), HasSubstr("nodes=1"));
}

// Going back by one release is starting its program (spec: server section 2.6).
TEST(StoreMigration, LetsTheFirstReleaseReadAndWriteWhatItKnows) {
  const db::TemporaryDirectory directory;
  make_first(directory.file("warren.db"));
  {
    const Life life(directory.path());
    life.store->stop();
  }
  auto connection = db::must(db::Connection::open(directory.file("warren.db"), {}));
  const db::Migrations first{.list = std::span(kMigrations).first(1), .program = "first"};
  EXPECT_TRUE(db::check_schema(connection, first));
  EXPECT_TRUE(connection.execute(
      "INSERT INTO node (net, id, stable_id, machine_key, node_key, old_node_key, user_id, "
      "hostname, name, name_fixed, ipv4, ephemeral, auth_key_id, key_expiry, created_at) VALUES "
      "(1, 3, 'nthird', randomblob(32), randomblob(32), NULL, 1, 'box', 'box', 0, x'64400003', 0, "
      "NULL, NULL, 1)"));
  EXPECT_FALSE(connection.execute("UPDATE node SET user_id = NULL WHERE id = 3"))
      << "no node is nobody's";
}

}  // namespace
}  // namespace warren::control
