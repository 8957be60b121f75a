#include "plain/network_setup.h"

#include <fstream>
#include <optional>

#include <sys/socket.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plain/names.h"
#include "plain/stale_socket.h"
#include "plain/testing.h"

namespace warren::plain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kMarkSysctl = "net/ipv4/conf/all/src_valid_mark";

NetworkPlan default_plan() {
  NetworkPlan plan;
  plan.addresses = {{*IpAddress::parse("10.0.0.2"), 24}};
  plan.mtu = 1420;
  plan.routes = {{*IpPrefix::parse("10.1.0.0/16"), kMainTable}};
  plan.default_v4 = plan.default_v6 = true;
  plan.mark = kDefaultMark;
  plan.mark_mask = kDefaultMarkMask;
  return plan;
}

// One process with a device: destroying it without undo() is what kill -9 leaves.
struct Process {
  Process(const LedgerPlace& place, FakeNetwork& network, const std::string& device) {
    const auto lock = HostLock::take(place);
    EXPECT_TRUE(lock);
    recover(place, network, log);
    auto opened = Ledger::open(place, device);
    EXPECT_TRUE(opened) << opened.error().detail;
    ledger = std::move(*opened);
    setup.emplace(place, *ledger, network, log);
  }

  Log log = Log::nowhere();
  std::unique_ptr<Ledger> ledger;
  std::optional<NetworkSetup> setup;
};

class NetworkSetupTest : public ::testing::Test {
 protected:
  std::size_t ledgers() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(place.directory)) {
      if (entry.path().extension() == ".ledger") ++count;
    }
    return count;
  }

  TemporaryDirectory directory;
  LedgerPlace place{directory.path() + "/run/wg", 7};
  FakeNetwork network;
};

TEST_F(NetworkSetupTest, AppliesAPlanAndUndoesWhatOutlivesTheDevice) {
  Process process(place, network, "wg0");
  ASSERT_TRUE(process.setup->apply(default_plan()));
  EXPECT_EQ(network.mtu, 1420U);
  EXPECT_THAT(network.addresses, SizeIs(1));
  EXPECT_THAT(network.routes, SizeIs(3));
  EXPECT_THAT(network.rules, SizeIs(4));
  EXPECT_EQ(network.sysctls.at(std::string(kMarkSysctl)), "1");

  ASSERT_TRUE(process.setup->undo());
  EXPECT_THAT(network.rules, IsEmpty());
  EXPECT_EQ(network.sysctls.at(std::string(kMarkSysctl)), "0");
  EXPECT_EQ(ledgers(), 0U);
}

TEST_F(NetworkSetupTest, ChangesOnlyWhatDiffersBetweenPlans) {
  Process process(place, network, "wg0");
  NetworkPlan plan = default_plan();
  ASSERT_TRUE(process.setup->apply(plan));
  network.fail_after = 0;
  EXPECT_TRUE(process.setup->apply(plan)) << "the same plan changes nothing";
  network.fail_after = -1;
  plan.addresses = {{*IpAddress::parse("10.0.0.3"), 24}};
  plan.routes.clear();
  plan.default_v6 = false;
  plan.mtu = 1280;
  ASSERT_TRUE(process.setup->apply(plan));
  EXPECT_EQ(network.mtu, 1280U);
  EXPECT_THAT(network.addresses,
              ElementsAre(wgquick::InterfaceAddress{*IpAddress::parse("10.0.0.3"), 24}));
  EXPECT_THAT(network.routes, ElementsAre(DeviceRoute{*IpPrefix::parse("0.0.0.0/0"), 5441}));
  EXPECT_THAT(network.rules, SizeIs(2));
}

TEST_F(NetworkSetupTest, RulesFollowTheMark) {
  Process process(place, network, "wg0");
  ASSERT_TRUE(process.setup->apply(default_plan()));
  ASSERT_TRUE(process.setup->follow_mark(51820));
  EXPECT_THAT(network.rules, SizeIs(4));
  for (const PolicyRule& rule : network.rules) {
    if (rule.not_marked) EXPECT_EQ(rule.mark, 51820U);
  }
}

TEST_F(NetworkSetupTest, ADefaultRouteNeverGoesWithoutAMark) {
  Process process(place, network, "wg0");
  EXPECT_EQ(process.setup->mark_for(0), 0U);
  ASSERT_TRUE(process.setup->apply(default_plan()));
  EXPECT_EQ(process.setup->mark_for(0), kDefaultMark);
  EXPECT_EQ(process.setup->mark_for(7), 7U);
}

TEST_F(NetworkSetupTest, TwoDevicesTakeDifferentSlotsAndTheLastRestoresTheSysctl) {
  Process first(place, network, "wg0");
  Process second(place, network, "wg1");
  ASSERT_TRUE(first.setup->apply(default_plan()));
  ASSERT_TRUE(second.setup->apply(default_plan()));
  EXPECT_THAT(network.rules, SizeIs(8));
  ASSERT_TRUE(first.setup->undo());
  EXPECT_EQ(network.sysctls.at(std::string(kMarkSysctl)), "1");
  EXPECT_THAT(network.rules, SizeIs(4));
  ASSERT_TRUE(second.setup->undo());
  EXPECT_EQ(network.sysctls.at(std::string(kMarkSysctl)), "0");
}

TEST_F(NetworkSetupTest, KeepsASysctlThatWasSetBefore) {
  network.sysctls[std::string(kMarkSysctl)] = "1";
  Process process(place, network, "wg0");
  ASSERT_TRUE(process.setup->apply(default_plan()));
  ASSERT_TRUE(process.setup->undo());
  EXPECT_EQ(network.sysctls.at(std::string(kMarkSysctl)), "1");
}

TEST_F(NetworkSetupTest, RefusesADeviceThatAnotherProcessRuns) {
  const Process process(place, network, "wg0");
  const auto again = Ledger::open(place, "wg0");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::AlreadyExists);
  EXPECT_THAT(again.error().detail, HasSubstr("--name"));
}

TEST_F(NetworkSetupTest, SaysWhenThereIsNoSlotLeft) {
  std::vector<std::unique_ptr<Process>> processes;
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    processes.push_back(std::make_unique<Process>(place, network, "wg" + std::to_string(i)));
    ASSERT_TRUE(processes.back()->setup->apply(default_plan()));
  }
  Process last(place, network, "last");
  EXPECT_THAT(last.setup->apply(default_plan()).error().detail, HasSubstr("Table = off"));
}

// Every change is a point where the process may die, before it is made.
TEST_F(NetworkSetupTest, TheNextStartUndoesWhatAKilledProcessLeftAtAnyPoint) {
  bool is_complete = false;
  for (int steps = 0; !is_complete; ++steps) {
    SCOPED_TRACE(steps);
    {
      Process killed(place, network, "wg0");
      network.fail_after = steps;
      is_complete = killed.setup->apply(default_plan()).has_value();
      network.fail_after = -1;
    }
    const Process next(place, network, "wg1");
    EXPECT_THAT(network.rules, IsEmpty());
    EXPECT_EQ(network.sysctls.at(std::string(kMarkSysctl)), "0");
    EXPECT_EQ(ledgers(), 1U) << "only the new one";
  }
}

TEST_F(NetworkSetupTest, RecoveryThatFailsIsTriedAgain) {
  {
    ASSERT_TRUE(Process(place, network, "wg0").setup->apply(default_plan()));
  }
  Log log = Log::nowhere();
  network.fail_after = 1;
  recover(place, network, log);
  EXPECT_EQ(ledgers(), 1U);
  network.fail_after = -1;
  recover(place, network, log);
  EXPECT_EQ(ledgers(), 0U);
  EXPECT_THAT(network.rules, IsEmpty());
}

TEST_F(NetworkSetupTest, RecoveryLeavesAloneWhatBelongsToAnotherNamespace) {
  {
    ASSERT_TRUE(Process(place, network, "wg0").setup->apply(default_plan()));
  }
  const LedgerPlace elsewhere{place.directory, 8};
  FakeNetwork other;
  other.rules = network.rules;
  {
    const Process stranger(elsewhere, other, "wg0");
  }
  EXPECT_THAT(other.rules, SizeIs(4));
  const Process next(place, network, "wg0");
  EXPECT_THAT(network.rules, IsEmpty());
}

TEST_F(NetworkSetupTest, RecoveryRemovesSocketsThatNobodyServes) {
  const std::string path = directory.path() + "/wg0.sock";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto bind_it = [&] {
    io::FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd.get(), 1), 0);
    return fd;
  };
  {
    const Process killed(place, network, "wg0");
    ASSERT_TRUE(killed.ledger->note(SocketRecord{path}));
  }
  {
    const io::FileDescriptor in_use = bind_it();
    Log log = Log::nowhere();
    recover(place, network, log);
    EXPECT_TRUE(std::filesystem::exists(path)) << "it belongs to another program by now";
    EXPECT_EQ(clear_socket_path(path).error().code, Errc::AlreadyExists);
  }
  {
    const Process killed(place, network, "wg0");
    ASSERT_TRUE(killed.ledger->note(SocketRecord{path}));
  }
  const Process next(place, network, "wg1");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(NetworkSetupTest, NeverRemovesAFileThatIsNoSocket) {
  const std::string path = directory.path() + "/wg0.sock";
  std::ofstream(path) << "mine";
  EXPECT_EQ(clear_socket_path(path).error().code, Errc::AlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace warren::plain
