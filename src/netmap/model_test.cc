#include "netmap/model.h"

#include <gtest/gtest.h>

#include "netmap/testing.h"

namespace warren::netmap {
namespace {

using testing::kNow;
using testing::machine;

AuthKeyWish wish_of(UserId user) {
  AuthKeyWish wish;
  wish.owner = Owner::of(user);
  return wish;
}

AuthKeyWish reusable(UserId user = {}) {
  AuthKeyWish wish = wish_of(user);
  wish.is_reusable = true;
  return wish;
}

AuthKeyWish lasting(std::chrono::seconds lifetime) {
  AuthKeyWish wish;
  wish.lifetime = lifetime;
  return wish;
}

struct Fixture : ::testing::Test {
  UserId user(std::string_view login) {
    return model.create_user(login, "", kNow, changes).value();
  }

  std::string key(UserId owner, AuthKeyWish wish = {}) {
    wish.owner = Owner::of(owner);
    return model.create_auth_key(wish, kNow, changes).value().secret;
  }

  const Node& node(NodeId id) const { return *model.tables().find_node(id); }

  ~Fixture() override { EXPECT_TRUE(model.check()); }

  testing::CountingIds ids;
  SeededRandom random{1};
  Model model{Settings{}, ids, random};
  Changes changes;
  UserId ann = user("ann@example.org");
};

using ModelUsers = Fixture;
using ModelKeys = Fixture;
using ModelNodes = Fixture;
using ModelNames = Fixture;

TEST_F(ModelNodes, MakeTheirMachinesKnown) {
  const Machine first = machine(1, 1);
  const auto admitted = model.admit_for(first, Owner::of(ann), kNow, changes).value();
  EXPECT_TRUE(model.tables().has_machine(first.key));
  EXPECT_FALSE(model.tables().has_machine(machine(0, 1).key));
  EXPECT_FALSE(model.tables().has_machine(machine(2, 1).key));
  ASSERT_TRUE(model.delete_node(admitted.node, kNow, changes));
  EXPECT_FALSE(model.tables().has_machine(first.key));
}

TEST_F(ModelUsers, HaveUniqueLogins) {
  EXPECT_EQ(model.create_user("ann@example.org", "", kNow, changes).error().code,
            Errc::AlreadyExists);
  EXPECT_EQ(model.create_user("a b", "", kNow, changes).error().code, Errc::InvalidArgument);
  const UserId bob = user("bob");
  EXPECT_FALSE(model.rename_user(bob, "ann@example.org", changes));
  ASSERT_TRUE(model.rename_user(bob, "bob@example.org", changes));
  EXPECT_EQ(model.tables().find_user(std::string("bob@example.org"))->id, bob);
}

TEST_F(ModelUsers, AreNotDeletedWhileTheyHaveNodes) {
  const auto admitted = model.admit_by_key(machine(1, 1), key(ann), kNow, changes);
  ASSERT_TRUE(admitted);
  EXPECT_FALSE(model.delete_user(ann, changes));
  ASSERT_TRUE(model.delete_node(admitted->node, kNow, changes));
  ASSERT_TRUE(model.delete_user(ann, changes));
  EXPECT_TRUE(model.tables().auth_keys().empty());
}

TEST_F(ModelKeys, AdmitOnceUnlessReusable) {
  const std::string once = key(ann);
  EXPECT_TRUE(model.admit_by_key(machine(1, 1), once, kNow, changes));
  const auto second = model.admit_by_key(machine(2, 2), once, kNow, changes);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().detail.find("used already"), std::string::npos);
  const std::string again = key(ann, reusable());
  EXPECT_TRUE(model.admit_by_key(machine(2, 2), again, kNow, changes));
  EXPECT_TRUE(model.admit_by_key(machine(3, 3), again, kNow, changes));
}

TEST_F(ModelKeys, EndByTimeAndByRevocation) {
  const std::string hour = key(ann, lasting(1h));
  EXPECT_TRUE(model.admit_by_key(machine(1, 1), hour, kNow.after(59min), changes));
  const std::string other = key(ann, lasting(1h));
  EXPECT_FALSE(model.admit_by_key(machine(2, 2), other, kNow.after(60min), changes));
  const auto made = model.create_auth_key(wish_of(ann), kNow, changes).value();
  ASSERT_TRUE(model.revoke_auth_key(made.id, kNow, changes));
  EXPECT_FALSE(model.admit_by_key(machine(3, 3), made.secret, kNow, changes));
}

TEST_F(ModelKeys, AreRefusedWithOneChangedCharacter) {
  std::string secret = key(ann);
  secret[30] = secret[30] == 'a' ? 'b' : 'a';
  EXPECT_EQ(model.admit_by_key(machine(1, 1), secret, kNow, changes).error().code,
            Errc::PermissionDenied);
  EXPECT_FALSE(model.admit_by_key(machine(1, 1), "", kNow, changes));
}

// A container that starts again brings the key that it has used up (spec: control section 11).
TEST_F(ModelNodes, ComeBackWithAUsedKey) {
  const std::string once = key(ann);
  const auto first = model.admit_by_key(machine(1, 1), once, kNow, changes);
  changes.clear();
  const auto again = model.admit_by_key(machine(1, 1), once, kNow.after(5h), changes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->node, first->node);
  EXPECT_EQ(again->use, KeyUse::Kept);
  EXPECT_TRUE(changes.empty());
}

TEST_F(ModelNodes, KeepNumberAddressAndNameWithANewKey) {
  const auto first = model.admit_by_key(machine(1, 1), key(ann), kNow, changes).value();
  const Node before = node(first.node);
  const auto second = model.admit_by_key(machine(1, 2), key(ann), kNow, changes).value();
  EXPECT_EQ(second.use, KeyUse::Renewed);
  const Node& after = node(second.node);
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.v4, before.v4);
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.old_key, before.key);
  EXPECT_EQ(model.tables().find_node(before.key), &after);
  model.forget_old_key(after.id, changes);
  EXPECT_EQ(model.tables().find_node(before.key), nullptr);
}

TEST_F(ModelNodes, CannotBeTakenOverByTheirPublicKey) {
  const auto victim = model.admit_by_key(machine(1, 1), key(ann), kNow, changes).value();
  const Changes before = changes;
  const std::string another = key(ann);
  changes.clear();
  EXPECT_FALSE(model.admit_by_key(machine(2, 1), another, kNow, changes));
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(node(victim.node).machine, machine(1, 1).key);
}

TEST_F(ModelNodes, OfAnotherUserOnOneMachineAreOthers) {
  const UserId bob = user("bob");
  const auto of_ann = model.admit_by_key(machine(1, 1), key(ann), kNow, changes).value();
  const auto of_bob = model.admit_by_key(machine(1, 2), key(bob), kNow, changes).value();
  EXPECT_NE(of_ann.node, of_bob.node);
  EXPECT_NE(node(of_ann.node).v4, node(of_bob.node).v4);
}

TEST_F(ModelNodes, ThatExpiredNeedAValidKeyAgain) {
  const std::string once = key(ann);
  const auto admitted = model.admit_by_key(machine(1, 1), once, kNow, changes).value();
  ASSERT_TRUE(model.set_key_expiry(admitted.node, kNow, changes));
  EXPECT_FALSE(model.admit_by_key(machine(1, 1), once, kNow, changes));
  const auto back = model.admit_by_key(machine(1, 2), key(ann), kNow, changes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->node, admitted.node);
  EXPECT_FALSE(node(admitted.node).old_key) << "an expired key does not live on";
}

TEST_F(ModelNodes, ShortenTheirKeyButNeverProlongIt) {
  const auto admitted = model.admit_by_key(machine(1, 1), key(ann), kNow, changes).value();
  EXPECT_TRUE(model.shorten_key(admitted.node, kNow.after(1h), changes));
  EXPECT_FALSE(model.shorten_key(admitted.node, kNow.after(2h), changes));
  EXPECT_TRUE(node(admitted.node).is_expired(kNow.after(1h)));
}

TEST_F(ModelNodes, LeaveTheirAddressInQuarantine) {
  const auto first = model.admit_by_key(machine(1, 1), key(ann), kNow, changes).value();
  const IpAddress address = node(first.node).v4;
  ASSERT_TRUE(model.delete_node(first.node, kNow, changes));
  EXPECT_EQ(model.tables().find_node(address), nullptr);
  const auto second = model.admit_by_key(machine(2, 2), key(ann), kNow.after(1h), changes).value();
  EXPECT_NE(node(second.node).v4, address);
  EXPECT_GT(second.node, first.node);
}

TEST_F(ModelNodes, AreFoundByEitherAddress) {
  const auto admitted = model.admit_by_key(machine(1, 1), key(ann), kNow, changes).value();
  EXPECT_EQ(model.tables().find_node(IpAddress::parse("100.64.0.1").value())->id, admitted.node);
  EXPECT_EQ(model.tables().find_node(IpAddress::parse("fd7a:115c:a1e0::6440:1").value())->id,
            admitted.node);
  EXPECT_EQ(model.tables().find_node(IpAddress::parse("fd7a:115c:a1e0::53").value()), nullptr);
}

TEST_F(ModelNames, AreNumberedWhenTwoMachinesHaveOneName) {
  const auto first =
      model.admit_by_key(machine(1, 1, "NAS.local"), key(ann), kNow, changes).value();
  const auto second = model.admit_by_key(machine(2, 2, "nas"), key(ann), kNow, changes).value();
  EXPECT_EQ(node(first.node).name, "nas");
  EXPECT_EQ(node(second.node).name, "nas-1");
}

TEST_F(ModelNames, FollowTheHostnameUntilAnAdminChoosesOne) {
  const auto admitted = model.admit_by_key(machine(1, 1, "nas"), key(ann), kNow, changes).value();
  ASSERT_TRUE(model.set_hostname(admitted.node, "cellar", kNow, changes));
  EXPECT_EQ(node(admitted.node).name, "cellar");
  ASSERT_TRUE(model.rename_node(admitted.node, "store", kNow, changes));
  ASSERT_TRUE(model.set_hostname(admitted.node, "attic", kNow, changes));
  EXPECT_EQ(node(admitted.node).name, "store");
  EXPECT_FALSE(model.rename_node(admitted.node, "Not a label", kNow, changes));
}

TEST_F(ModelNames, GoBackToTheSameOwnerAtOnceAndToOthersLater) {
  const UserId bob = user("bob");
  const auto first = model.admit_by_key(machine(1, 1, "nas"), key(ann), kNow, changes).value();
  ASSERT_TRUE(model.delete_node(first.node, kNow, changes));
  const auto of_bob = model.admit_by_key(machine(2, 2, "nas"), key(bob), kNow, changes).value();
  EXPECT_EQ(node(of_bob.node).name, "nas-1");
  const auto of_ann = model.admit_by_key(machine(3, 3, "nas"), key(ann), kNow, changes).value();
  EXPECT_EQ(node(of_ann.node).name, "nas");
}

TEST_F(ModelNodes, AreRefusedWhenTheNetworkIsFull) {
  Model small(Settings{.max_nodes = 1}, ids, random);
  const UserId owner = small.create_user("o", "", kNow, changes).value();
  const auto secret = small.create_auth_key(reusable(owner), kNow, changes)->secret;
  EXPECT_TRUE(small.admit_by_key(machine(1, 1), secret, kNow, changes));
  EXPECT_EQ(small.admit_by_key(machine(2, 2), secret, kNow, changes).error().code,
            Errc::Unavailable);
}

}  // namespace
}  // namespace warren::netmap
