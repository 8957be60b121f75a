#include <tuple>

#include <gtest/gtest.h>

#include "netmap/model.h"
#include "netmap/testing.h"

namespace warren::netmap {
namespace {

using testing::kNow;
using testing::machine;

// Random commands of few users and machines, so that they meet.
class RandomCommands {
 public:
  RandomCommands(Model& model, Random& random) : model_(model), random_(random) {}

  void run_one(WallTime now, Changes& out) {
    const auto number = static_cast<std::uint8_t>(1 + random_.below(6));
    const auto key = static_cast<std::uint8_t>(1 + random_.below(8));
    const auto old_key = static_cast<std::uint8_t>(1 + random_.below(8));
    const UserId user{static_cast<std::int64_t>(1 + random_.below(3))};
    const NodeId node{static_cast<std::int64_t>(1 + random_.below(20))};
    switch (random_.below(16)) {
      case 0:
        make_key(user, now, out);
        break;
      case 1:
      case 2:
      case 3:
        if (!secrets_.empty()) {
          Machine who = machine(number, key);
          who.old_key = testing::numbered_key<NodePublicKey>(old_key);
          if (random_.below(4) == 0) who.requested_tags = {"tag:b"};
          std::ignore =
              model_.admit_by_key(who, secrets_[random_.below(secrets_.size())], now, out);
        }
        break;
      case 4:
        std::ignore = model_.admit_for(machine(number, key, "box"), owner(user), now, out);
        break;
      case 5:
        std::ignore = model_.delete_node(node, now, out);
        break;
      case 6:
        std::ignore = model_.set_key_expiry(node, now, out);
        break;
      case 7:
        std::ignore = model_.rename_node(node, random_.below(2) == 0 ? "nas" : "box-1", now, out);
        break;
      case 8:
        model_.forget_old_key(node, out);
        break;
      case 9:
        std::ignore = model_.set_owner(node, owner(user), now, out);
        break;
      case 10:
        std::ignore = model_.admit_hub(machine(number, key), now, out);
        break;
      case 11:
      case 12:
        make_device(key, owner(user), now, out);
        break;
      case 13:
        (void)(random_.below(2) == 0 ? model_.disable_device(node, out)
                                     : model_.enable_device(node, out));
        break;
      case 14:
        (void)(random_.below(2) == 0
                   ? model_.set_device_key(node, testing::numbered_key<NodePublicKey>(key), out)
                   : model_.set_device_expiry(node, std::nullopt, now, out));
        break;
      default:
        std::ignore = model_.set_hostname(node, "box", now, out);
        break;
    }
  }

 private:
  Owner owner(UserId user) {
    switch (random_.below(4)) {
      case 0:
        return {.user = {}, .tags = {"tag:a"}};
      case 1:
        return {.user = {}, .tags = {"tag:a", "tag:b"}};
      default:
        return Owner::of(user);
    }
  }

  void make_device(std::uint8_t key, const Owner& of, WallTime now, Changes& out) {
    DeviceWish wish{.name = random_.below(2) == 0 ? "phone" : "box",
                    .owner = of,
                    .key = testing::numbered_key<NodePublicKey>(key),
                    .expires = std::nullopt};
    if (random_.below(2) == 0) wish.expires = now.after(1h);
    std::ignore = model_.create_device(wish, now, out);
  }

  void make_key(UserId user, WallTime now, Changes& out) {
    AuthKeyWish wish;
    wish.owner = owner(user);
    wish.is_reusable = random_.below(2) == 0;
    wish.lifetime = 30min;
    const auto made = model_.create_auth_key(wish, now, out);
    if (made) secrets_.push_back(made->secret);
  }

  Model& model_;
  Random& random_;
  std::vector<std::string> secrets_;
};

Model model_with_users(IdSource& ids, Random& random) {
  Model model(Settings{}, ids, random);
  Changes changes;
  for (const auto* const login : {"ann", "bob", "eve"})
    std::ignore = model.create_user(login, "", kNow, changes);
  return model;
}

TEST(ModelProperty, KeepsItsInvariantsAndTakesEveryChangeBack) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    testing::CountingIds ids;
    Model model = model_with_users(ids, random);
    RandomCommands commands(model, random);
    WallTime now = kNow;
    for (int step = 0; step < 200; ++step) {
      now = now.after(std::chrono::minutes(random.below(600)));
      const Tables before = model.tables();
      Changes changes;
      commands.run_one(now, changes);
      const auto holds = model.check();
      ASSERT_TRUE(holds) << holds.error().detail;
      if (random.below(4) == 0) {
        model.undo(changes);
        ASSERT_TRUE(model.tables() == before);
      }
    }
  }
}

// What the store keeps is the newest `after` of each row: a model loaded from that is the same.
TEST(ModelProperty, IsTheSameAfterItsRowsAreLoaded) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    testing::CountingIds ids;
    Model model = model_with_users(ids, random);
    RandomCommands commands(model, random);
    Changes changes;
    for (int step = 0; step < 200; ++step)
      commands.run_one(kNow.after(std::chrono::minutes(step)), changes);

    Model loaded(Settings{}, ids, random);
    const Tables& tables = model.tables();
    const auto load = [&](const auto& row) {
      using Row = std::decay_t<decltype(row)>;
      ASSERT_TRUE(loaded.load(RowChange<Row>{.before = std::nullopt, .after = row}));
    };
    for (const auto& [id, user] : tables.users()) load(user);
    for (const auto& [id, key] : tables.auth_keys()) load(key);
    for (const auto& [address, lease] : tables.addresses()) load(lease);
    for (const auto& [name, lease] : tables.names()) load(lease);
    for (const auto& [id, node] : tables.nodes()) load(node);
    for (const auto& [id, device] : tables.devices()) load(device);
    EXPECT_TRUE(loaded.tables() == tables);
  }
}

}  // namespace
}  // namespace warren::netmap
