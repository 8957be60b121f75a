#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netmap/model.h"
#include "netmap/tags.h"
#include "netmap/testing.h"

namespace warren::netmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kNow;
using testing::machine;
using testing::numbered_key;

Owner tagged(std::string tag) {
  return {.user = {}, .tags = {std::move(tag)}};
}

struct Fixture : ::testing::Test {
  std::string key(const Owner& owner) {
    AuthKeyWish wish;
    wish.owner = owner;
    wish.is_reusable = true;
    return model.create_auth_key(wish, kNow, changes).value().secret;
  }

  DeviceWish phone(std::uint8_t number = 7) const {
    return {.name = "phone",
            .owner = Owner::of(ann),
            .key = numbered_key<NodePublicKey>(number),
            .expires = std::nullopt};
  }

  const Node& node(NodeId id) const { return *model.tables().find_node(id); }

  ~Fixture() override { EXPECT_TRUE(model.check()); }

  testing::CountingIds ids;
  SeededRandom random{1};
  Model model{Settings{.max_devices = 3}, ids, random};
  Changes changes;
  UserId ann = model.create_user("ann", "", kNow, changes).value();
};

using ModelDevices = Fixture;
using ModelTags = Fixture;
using ModelHub = Fixture;

TEST_F(ModelDevices, HaveAnAddressANameAndNoMachine) {
  const NodeId id = model.create_device(phone(), kNow, changes).value();
  EXPECT_EQ(node(id).kind, NodeKind::Device);
  EXPECT_EQ(node(id).name, "phone");
  EXPECT_TRUE(node(id).machine.is_zero());
  EXPECT_EQ(model.tables().find_node(node(id).v4)->id, id);
  EXPECT_TRUE(model.tables().find_device(id)->is_active(kNow));
  ASSERT_TRUE(model.delete_node(id, kNow, changes));
  EXPECT_TRUE(model.tables().devices().empty());
  EXPECT_TRUE(model.create_device(phone(), kNow, changes)) << "the name goes back to its owner";
}

TEST_F(ModelDevices, NeedAKeyAndANameThatAreNobodysElse) {
  const auto nas = model.admit_by_key(machine(1, 1), key(Owner::of(ann)), kNow, changes).value();
  const Tables before = model.tables();
  EXPECT_THAT(model.create_device(phone(1), kNow, changes).error().detail, HasSubstr("nas's"));
  EXPECT_FALSE(model.create_device(phone(0), kNow, changes));
  DeviceWish wish = phone();
  wish.name = node(nas.node).name;
  EXPECT_EQ(model.create_device(wish, kNow, changes).error().code, Errc::AlreadyExists);
  wish.name = "My Phone";
  EXPECT_EQ(model.create_device(wish, kNow, changes).error().code, Errc::InvalidArgument);
  wish = phone();
  wish.expires = kNow;
  EXPECT_EQ(model.create_device(wish, kNow, changes).error().code, Errc::InvalidArgument);
  wish = phone();
  wish.owner = {};
  EXPECT_FALSE(model.create_device(wish, kNow, changes));
  wish.owner = {.user = ann, .tags = {"tag:a"}};
  EXPECT_FALSE(model.create_device(wish, kNow, changes));
  EXPECT_TRUE(model.tables() == before);
}

TEST_F(ModelDevices, AreFewEnough) {
  for (std::uint8_t i = 1; i <= 3; ++i) {
    DeviceWish wish = phone(i);
    wish.name += std::to_string(i);
    EXPECT_TRUE(model.create_device(wish, kNow, changes));
  }
  EXPECT_EQ(model.create_device(phone(9), kNow, changes).error().code, Errc::Unavailable);
}

TEST_F(ModelDevices, AreActiveUntilDisabledOrExpired) {
  DeviceWish wish = phone();
  wish.expires = kNow.after(1h);
  const NodeId id = model.create_device(wish, kNow, changes).value();
  const auto is_active = [&](WallTime now) {
    return model.tables().find_device(id)->is_active(now);
  };
  EXPECT_TRUE(is_active(kNow));
  EXPECT_FALSE(is_active(kNow.after(1h)));
  ASSERT_TRUE(model.disable_device(id, changes));
  EXPECT_FALSE(is_active(kNow));
  ASSERT_TRUE(model.enable_device(id, changes));
  ASSERT_TRUE(model.set_device_expiry(id, std::nullopt, kNow, changes));
  EXPECT_TRUE(is_active(kNow.after(2h)));
  EXPECT_FALSE(model.set_key_expiry(id, kNow, changes));
  EXPECT_FALSE(model.disable_device(NodeId{99}, changes));
}

TEST_F(ModelDevices, GetAnotherKey) {
  const NodeId id = model.create_device(phone(), kNow, changes).value();
  const auto key = numbered_key<NodePublicKey>(8);
  ASSERT_TRUE(model.set_device_key(id, key, changes));
  EXPECT_EQ(model.tables().find_node(key)->id, id);
  EXPECT_EQ(model.tables().find_node(phone().key), nullptr);
  const auto nas = model.admit_by_key(machine(1, 1), this->key(Owner::of(ann)), kNow, changes);
  EXPECT_FALSE(model.set_device_key(id, numbered_key<NodePublicKey>(1), changes));
  EXPECT_FALSE(model.set_device_key(nas->node, numbered_key<NodePublicKey>(9), changes));
}

TEST_F(ModelTags, OfAKeyGoToItsNodesWhichDoNotExpire) {
  const Owner owner{.user = {}, .tags = {"tag:a", "tag:b"}};
  const auto whole = model.admit_by_key(machine(1, 1), key(owner), kNow, changes).value();
  EXPECT_EQ(node(whole.node).owner, owner);
  EXPECT_FALSE(node(whole.node).key_expiry);
  Machine some = machine(2, 2);
  some.requested_tags = {"tag:b"};
  const auto part = model.admit_by_key(some, key(owner), kNow, changes).value();
  EXPECT_EQ(node(part.node).owner, tagged("tag:b"));
}

TEST_F(ModelTags, BeyondThoseOfTheKeyAreRefused) {
  Machine who = machine(1, 1);
  who.requested_tags = {"tag:a", "tag:c"};
  const std::string secret = key({.user = {}, .tags = {"tag:a", "tag:b"}});
  EXPECT_THAT(model.admit_by_key(who, secret, kNow, changes).error().detail,
              HasSubstr("does not allow tag:c"));
  EXPECT_THAT(model.admit_by_key(who, key(Owner::of(ann)), kNow, changes).error().detail,
              HasSubstr("does not allow tag:a"));
  EXPECT_TRUE(model.tables().nodes().empty());
}

TEST_F(ModelTags, AreNotTakenAwayByAStartWithTheUsersKey) {
  const std::string secret = key(Owner::of(ann));
  const auto nas = model.admit_by_key(machine(1, 1), secret, kNow, changes).value();
  ASSERT_TRUE(model.set_owner(nas.node, tagged("tag:a"), kNow, changes));
  EXPECT_FALSE(node(nas.node).key_expiry);
  EXPECT_EQ(model.admit_by_key(machine(1, 1), secret, kNow, changes)->use, KeyUse::Kept);
  EXPECT_EQ(node(nas.node).owner, tagged("tag:a"));
}

TEST_F(ModelTags, KeepNumberAndAddressWhenALoginAddsOrRemovesThem) {
  const auto nas = model.admit_by_key(machine(1, 1), key(Owner::of(ann)), kNow, changes).value();
  Machine again = machine(1, 2);
  again.old_key = numbered_key<NodePublicKey>(1);
  EXPECT_EQ(model.admit_for(again, tagged("tag:a"), kNow, changes)->node, nas.node);
  EXPECT_EQ(node(nas.node).owner, tagged("tag:a"));
  Machine back = machine(1, 3);
  back.old_key = numbered_key<NodePublicKey>(2);
  EXPECT_EQ(model.admit_for(back, Owner::of(ann), kNow, changes)->node, nas.node);
  EXPECT_EQ(node(nas.node).owner, Owner::of(ann));
  EXPECT_TRUE(node(nas.node).key_expiry);
  // Another machine's key says nothing.
  Machine thief = machine(2, 4);
  thief.old_key = numbered_key<NodePublicKey>(3);
  EXPECT_NE(model.admit_for(thief, tagged("tag:a"), kNow, changes)->node, nas.node);
}

TEST_F(ModelTags, AreSetAndTakenByAnAdmin) {
  const auto nas = model.admit_by_key(machine(1, 1), key(Owner::of(ann)), kNow, changes).value();
  EXPECT_FALSE(model.set_owner(nas.node, tagged("a"), kNow, changes));
  EXPECT_FALSE(model.set_owner(nas.node, tagged(std::string(kHubTag)), kNow, changes));
  EXPECT_FALSE(model.set_owner(nas.node, Owner{}, kNow, changes));
  ASSERT_TRUE(model.set_owner(nas.node, tagged("tag:a"), kNow, changes));
  EXPECT_TRUE(model.delete_user(ann, changes)) << "owns none any more";
}

TEST_F(ModelHub, IsOneAndKeepsItsAddressWhenItLosesItsState) {
  const auto hub = model.admit_hub(machine(1, 1, "vps-4711"), kNow, changes).value();
  EXPECT_EQ(node(hub.node).name, "hub");
  EXPECT_THAT(node(hub.node).owner.tags, ElementsAre(kHubTag));
  EXPECT_FALSE(node(hub.node).key_expiry);
  EXPECT_EQ(model.admit_hub(machine(1, 1), kNow, changes)->use, KeyUse::Kept);
  EXPECT_EQ(model.admit_hub(machine(2, 2), kNow, changes)->node, hub.node);
  EXPECT_EQ(model.tables().find_hub()->machine, machine(2, 2).key);
  EXPECT_EQ(model.tables().nodes().size(), 1);
}

TEST_F(ModelHub, StaysWhileItHasDevices) {
  const auto hub = model.admit_hub(machine(1, 1), kNow, changes).value();
  const NodeId device = model.create_device(phone(), kNow, changes).value();
  EXPECT_THAT(model.delete_node(hub.node, kNow, changes).error().detail, HasSubstr("1 devices"));
  EXPECT_FALSE(model.set_owner(hub.node, Owner::of(ann), kNow, changes));
  ASSERT_TRUE(model.delete_node(device, kNow, changes));
  EXPECT_TRUE(model.delete_node(hub.node, kNow, changes));
  EXPECT_EQ(model.tables().find_hub(), nullptr);
}

TEST_F(ModelHub, TakesNobodysKey) {
  const auto nas = model.admit_by_key(machine(1, 1), key(tagged("tag:a")), kNow, changes).value();
  EXPECT_FALSE(model.admit_hub(machine(2, 1), kNow, changes));
  EXPECT_FALSE(model.admit_hub(machine(1, 2), kNow, changes));
  EXPECT_EQ(node(nas.node).kind, NodeKind::Mesh);
}

}  // namespace
}  // namespace warren::netmap
