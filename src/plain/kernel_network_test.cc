#include "plain/kernel_network.h"

#include <algorithm>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/link.h"
#include "io/route.h"
#include "io/rule.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"
#include "plain/ledger.h"
#include "plain/names.h"
#include "plain/network_setup.h"
#include "plain/testing.h"

namespace warren::plain {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

constexpr std::string_view kMarkSysctl = "net/ipv4/conf/all/src_valid_mark";

// In a network namespace of its own thread, which goes with the thread.
template <class F>
void in_test_namespace(F&& body) {
  std::string skipped;
  std::thread([&] {
    const auto entered = io::enter_test_namespace();
    if (!entered) {
      skipped = entered.error().detail;
      return;
    }
    body();
  }).join();
  if (!skipped.empty()) GTEST_SKIP() << skipped;
}

std::size_t rules_of_ours() {
  auto netlink = io::Netlink::open();
  const auto rules = io::list_rules(*netlink);
  EXPECT_TRUE(rules);
  return static_cast<std::size_t>(std::ranges::count_if(
      *rules, [](const io::Rule& rule) { return rule.priority >= 5400 && rule.priority <= 5470; }));
}

NetworkPlan default_plan() {
  NetworkPlan plan;
  plan.addresses = {{*IpAddress::parse("10.99.0.2"), 24}, {*IpAddress::parse("fd99::2"), 64}};
  plan.mtu = 1380;
  plan.routes = {{*IpPrefix::parse("10.98.0.0/16"), kMainTable}};
  plan.default_v4 = plan.default_v6 = true;
  plan.mark = kDefaultMark;
  plan.mark_mask = kDefaultMarkMask;
  return plan;
}

TEST(KernelNetwork, AppliesAPlanUndoesItAndRecoversAfterAKill) {
  in_test_namespace([] {
    const TemporaryDirectory directory;
    auto cookie = network_namespace_cookie();
    ASSERT_TRUE(cookie);
    const LedgerPlace place{directory.path(), *cookie};
    auto netlink = io::Netlink::open();
    auto tun = io::TunDevice::open("wgtest");
    ASSERT_TRUE(netlink && tun) << tun.error().detail;
    KernelNetwork network(std::move(*netlink));
    network.set_device((*tun)->index());
    Log log = Log::nowhere();
    {
      auto ledger = Ledger::open(place, "wgtest");
      ASSERT_TRUE(ledger);
      NetworkSetup setup(place, **ledger, network, log);
      const auto applied = setup.apply(default_plan());
      ASSERT_TRUE(applied) << applied.error().detail;
      EXPECT_EQ(rules_of_ours(), 4U);
      EXPECT_EQ(network.read_sysctl(std::string(kMarkSysctl)), "1");
      const auto addresses = network.addresses();
      ASSERT_TRUE(addresses);
      EXPECT_THAT(*addresses,
                  IsSupersetOf({*IpAddress::parse("10.99.0.2"), *IpAddress::parse("fd99::2")}));
      auto lister = io::Netlink::open();
      const auto link = io::find_link(*lister, "wgtest");
      ASSERT_TRUE(link);
      EXPECT_EQ(link->mtu, 1380U);
      EXPECT_TRUE(link->is_up());
      const auto routes = io::list_routes(*lister, {.table = 5441, .protocol = {}, .link = {}});
      ASSERT_TRUE(routes);
      EXPECT_EQ(routes->size(), 2U);

      ASSERT_TRUE(setup.undo());
      EXPECT_EQ(rules_of_ours(), 0U);
      EXPECT_EQ(network.read_sysctl(std::string(kMarkSysctl)), "0");
    }
    {
      auto ledger = Ledger::open(place, "wgtest");
      ASSERT_TRUE(ledger);
      NetworkSetup setup(place, **ledger, network, log);
      ASSERT_TRUE(setup.apply(default_plan()));
    }  // killed
    EXPECT_EQ(rules_of_ours(), 4U);
    const auto lock = HostLock::take(place);
    recover(place, network, log);
    EXPECT_EQ(rules_of_ours(), 0U);
    EXPECT_EQ(network.read_sysctl(std::string(kMarkSysctl)), "0");
  });
}

TEST(KernelNetwork, StepsMayBeRepeated) {
  in_test_namespace([] {
    auto netlink = io::Netlink::open();
    auto tun = io::TunDevice::open("wgtest");
    ASSERT_TRUE(netlink && tun);
    KernelNetwork network(std::move(*netlink));
    network.set_device((*tun)->index());
    const wgquick::InterfaceAddress address{*IpAddress::parse("10.99.0.2"), 24};
    const DeviceRoute route{*IpPrefix::parse("10.98.0.0/16"), 5441};
    const PolicyRule rule{true, 5441, 5441, true, 7, UINT32_MAX, {}};
    ASSERT_TRUE(network.set_up(1420));
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(network.add_address(address));
      EXPECT_TRUE(network.add_route(route));
      EXPECT_TRUE(network.add_rule(rule));
    }
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(network.remove_rule(rule));
      EXPECT_TRUE(network.remove_route(route));
      EXPECT_TRUE(network.remove_address(address));
    }
  });
}

TEST(KernelNetwork, RefusesARouteThatAnotherDeviceHas) {
  in_test_namespace([] {
    auto netlink = io::Netlink::open();
    auto other = io::TunDevice::open("other");
    auto tun = io::TunDevice::open("wgtest");
    ASSERT_TRUE(netlink && other && tun);
    KernelNetwork network(std::move(*netlink));
    const DeviceRoute route{*IpPrefix::parse("10.98.0.0/16"), kMainTable};
    network.set_device((*other)->index());
    ASSERT_TRUE(network.set_up(1420));
    ASSERT_TRUE(network.add_route(route));
    network.set_device((*tun)->index());
    ASSERT_TRUE(network.set_up(1420));
    const auto added = network.add_route(route);
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error().detail, HasSubstr("Table = off"));
  });
}

}  // namespace
}  // namespace warren::plain
