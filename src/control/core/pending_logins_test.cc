#include "control/core/pending_logins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "netmap/testing.h"

namespace warren::control {
namespace {

using netmap::testing::kNow;
using netmap::testing::machine;
using ::testing::ElementsAre;

struct PendingLoginsTest : ::testing::Test {
  PendingLogin& ask(const netmap::Machine& who) {
    return logins.ask(who, IpAddress(), kNow, now, random, dropped);
  }

  SeededRandom random{1};
  PendingLogins logins;
  std::vector<RequestId> dropped;
  TimePoint now{1000s};
};

TEST_F(PendingLoginsTest, StayTheSameWhileTheMachineAsksForTheSameKey) {
  const std::string id = ask(machine(1, 1)).id;
  EXPECT_EQ(ask(machine(1, 1)).id, id);
  EXPECT_NE(ask(machine(1, 2)).id, id);
  EXPECT_EQ(logins.size(), 1);
  EXPECT_EQ(logins.find(id), nullptr);
}

TEST_F(PendingLoginsTest, AreNewForAMachineThatWasRefused) {
  PendingLogin& login = ask(machine(1, 1));
  const std::string id = login.id;
  login.is_refused = true;
  EXPECT_TRUE(logins.list().empty());
  EXPECT_NE(logins.find(id, machine(1, 1).key, machine(1, 1).node_key), nullptr)
      << "it is to be told";
  EXPECT_NE(ask(machine(1, 1)).id, id);
  EXPECT_EQ(logins.size(), 1);
}

TEST_F(PendingLoginsTest, AreFoundByTheirMachineOnly) {
  const std::string id = ask(machine(1, 1)).id;
  EXPECT_NE(logins.find(id, machine(1, 1).key, machine(1, 1).node_key), nullptr);
  EXPECT_EQ(logins.find(id, machine(2, 1).key, machine(2, 1).node_key), nullptr);
  EXPECT_EQ(logins.find(id, machine(1, 2).key, machine(1, 2).node_key), nullptr);
}

TEST_F(PendingLoginsTest, ExpireByAge) {
  ask(machine(1, 1)).waiting.push_back({7});
  now += 1min;
  const std::string second = ask(machine(2, 2)).id;
  EXPECT_EQ(logins.next_expiry(), now - 1min + kPendingLoginLifetime);
  const auto expired = logins.take_expired(logins.next_expiry());
  ASSERT_EQ(expired.size(), 1);
  EXPECT_THAT(expired[0].waiting, ElementsAre(RequestId{7}));
  EXPECT_NE(logins.find(second), nullptr);
}

TEST_F(PendingLoginsTest, GiveWayToTheNewestWhenThereAreTooMany) {
  netmap::Machine who = machine(1, 1);
  for (std::size_t i = 0; i <= kMaxPendingLogins; ++i) {
    now += 1ms;
    std::array<std::uint8_t, kKeySize> bytes{};
    random.fill(bytes);
    who.key = MachinePublicKey(bytes);
    PendingLogin& login = ask(who);
    if (i == 0) login.waiting.push_back({9});
  }
  EXPECT_EQ(logins.size(), kMaxPendingLogins);
  EXPECT_THAT(dropped, ElementsAre(RequestId{9}));
}

TEST_F(PendingLoginsTest, ForgetRequestsThatAreGone) {
  PendingLogin& login = ask(machine(1, 1));
  login.waiting = {{1}, {2}};
  logins.forget({1});
  EXPECT_THAT(logins.take(login.id).waiting, ElementsAre(RequestId{2}));
}

}  // namespace
}  // namespace warren::control
