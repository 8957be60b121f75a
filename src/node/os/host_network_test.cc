#include "node/os/host_network.h"

#include <algorithm>

#include <linux/rtnetlink.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/address.h"
#include "io/link.h"
#include "io/route.h"
#include "io/rule.h"
#include "io/sysctl.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"
#include "node/os/names.h"
#include "node/os/policy_rules.h"

namespace warren::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

IpPrefix prefix(const char* text) {
  return IpPrefix::parse(text).value();
}

DevicePlan plan() {
  return {.addresses = {prefix("100.64.0.1"), prefix("fd7a:115c:a1e0::1")},
          .routes = {prefix("100.64.0.2"), prefix("100.100.7.9"), prefix("fd7a:115c:a1e0::2")}};
}

// A machine with a device to the world, and the overlay's.
class HostNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto entered = io::enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
    // No link-local addresses: they come when the kernel pleases.
    ASSERT_TRUE(io::write_sysctl("net/ipv6/conf/default/addr_gen_mode", "1"));
    netlink = std::make_unique<io::Netlink>(io::Netlink::open().value());
    world = io::TunDevice::open("world0").value();
    device = io::TunDevice::open("warren0").value();
    ASSERT_TRUE(io::set_link_state(*netlink, world->index(), io::LinkState::Up));
  }

  std::unique_ptr<HostNetwork> open() { return HostNetwork::open(device->index(), log).value(); }

  // The world's address, and a gateway in its prefix.
  void connect(const char* address, unsigned length, const char* gateway) {
    ASSERT_TRUE(io::add_address(*netlink, {world->index(), ip(address), length}));
    io::Route route;
    route.destination = prefix("0.0.0.0/0");
    route.link = world->index();
    route.gateway = ip(gateway);
    ASSERT_TRUE(io::add_route(*netlink, route));
  }

  std::vector<IpPrefix> addresses() {
    std::vector<IpPrefix> out;
    for (const io::LinkAddress& address : io::list_addresses(*netlink, device->index()).value())
      out.emplace_back(address.address, address.prefix_length);
    return out;
  }

  std::vector<IpPrefix> routes() {
    std::vector<IpPrefix> out;
    for (const io::Route& route :
         io::list_routes(*netlink, {.table = kTable, .protocol = kRouteProtocol}).value()) {
      EXPECT_EQ(route.link, device->index());
      out.push_back(route.destination);
    }
    return out;
  }

  std::vector<io::Rule> rules() { return io::list_rules(*netlink).value(); }

  // The device that a packet leaves through; 0: none.
  unsigned way_to(const char* address, std::uint32_t mark = 0) {
    const IpAddress to = ip(address);
    rtmsg header{};
    header.rtm_family = to.is_v6() ? AF_INET6 : AF_INET;
    header.rtm_dst_len = static_cast<std::uint8_t>(to.bit_length());
    io::NetlinkRequest request(RTM_GETROUTE, 0, header);
    request.put_address(RTA_DST, to);
    if (mark != 0) request.put_u32(RTA_MARK, mark);
    unsigned out = 0;
    const auto asked = netlink->query(request, "find a way", [&](const nlmsghdr& message) {
      out = io::NetlinkAttributes(message, sizeof(rtmsg)).u32(RTA_OIF).value_or(0);
    });
    return asked ? out : 0;
  }

  Log log = Log::nowhere();
  std::unique_ptr<io::Netlink> netlink;
  std::unique_ptr<io::TunDevice> world;
  std::unique_ptr<io::TunDevice> device;
};

TEST_F(HostNetworkTest, AppliesAPlanAndTakesItBack) {
  const auto before = rules();
  const auto network = open();
  EXPECT_EQ(rules(), before);
  const auto applied = network->apply(plan());
  ASSERT_TRUE(applied) << applied.error().detail;
  EXPECT_THAT(addresses(), UnorderedElementsAreArray(plan().addresses));
  EXPECT_THAT(routes(), UnorderedElementsAreArray(plan().routes));
  EXPECT_THAT(rules(), SizeIs(before.size() + 8));
  for (const auto family : {io::AddressFamily::V4, io::AddressFamily::V6})
    EXPECT_THAT(rules(), IsSupersetOf(policy_rules(family)));
  const io::Link link = io::find_link(*netlink, "warren0").value();
  EXPECT_EQ(link.mtu, 1280U);
  EXPECT_TRUE(link.is_up());

  ASSERT_TRUE(network->clean_up());
  EXPECT_EQ(rules(), before);
  EXPECT_THAT(routes(), IsEmpty());
  EXPECT_THAT(addresses(), IsEmpty());
  ASSERT_TRUE(network->clean_up());
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_THAT(routes(), UnorderedElementsAreArray(plan().routes));
}

TEST_F(HostNetworkTest, RestoresRulesOnlyWhileItHasSome) {
  const auto before = rules();
  const auto network = open();
  EXPECT_EQ(network->restore_rules(), 0U);
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_EQ(network->restore_rules(), 0U);
  ASSERT_TRUE(io::remove_rule(*netlink, policy_rules(io::AddressFamily::V4).back()));
  EXPECT_EQ(network->restore_rules(), 1U);
  ASSERT_TRUE(network->clean_up());
  EXPECT_EQ(network->restore_rules(), 0U);
  EXPECT_EQ(rules(), before);
}

TEST_F(HostNetworkTest, AppliesWhatDiffersFromTheLastPlan) {
  const auto network = open();
  ASSERT_TRUE(network->apply(plan()));
  DevicePlan next = plan();
  next.addresses[0] = prefix("100.64.0.9");
  next.routes[0] = prefix("100.64.0.7");
  next.mtu = 1400;
  ASSERT_TRUE(network->apply(next));
  EXPECT_THAT(addresses(), UnorderedElementsAreArray(next.addresses));
  EXPECT_THAT(routes(), UnorderedElementsAreArray(next.routes));
  EXPECT_EQ(io::find_link(*netlink, "warren0").value().mtu, 1400U);

  // The same in another order and twice is the same.
  std::ranges::reverse(next.routes);
  next.routes.push_back(next.routes.front());
  ASSERT_TRUE(network->apply(next));
  EXPECT_THAT(routes(), SizeIs(3));
}

TEST_F(HostNetworkTest, ComparesWithTheKernelAfterAFailure) {
  const auto network = open();
  DevicePlan impossible = plan();
  impossible.mtu = 1;
  impossible.routes.push_back(prefix("100.64.0.3"));
  EXPECT_FALSE(network->apply(impossible));
  EXPECT_THAT(routes(), SizeIs(4));
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_THAT(routes(), UnorderedElementsAreArray(plan().routes));
}

TEST_F(HostNetworkTest, RemovesStaleAddressesOfTheOverlaysRangesOnly) {
  for (const char* const stale : {"100.99.0.1", "fd7a:115c:a1e0::99", "10.0.0.1", "fd00::1"})
    ASSERT_TRUE(io::add_address(*netlink, {device->index(), ip(stale), ip(stale).bit_length()}));
  const auto network = open();
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_THAT(addresses(), UnorderedElementsAre(prefix("100.64.0.1"), prefix("fd7a:115c:a1e0::1"),
                                                prefix("10.0.0.1"), prefix("fd00::1")));
}

TEST_F(HostNetworkTest, LeavesNothingForTheNextLifeAfterAKill) {
  const auto before = rules();
  ASSERT_TRUE(open()->apply(plan()));  // killed
  EXPECT_THAT(rules(), SizeIs(before.size() + 8));
  const auto next = open();
  EXPECT_EQ(rules(), before);
  EXPECT_THAT(routes(), IsEmpty());
  ASSERT_TRUE(next->apply(plan()));
  EXPECT_EQ(clean_host(), (Removed{.rules = 8, .routes = 3}));
  EXPECT_EQ(clean_host(), Removed());
  EXPECT_EQ(rules(), before);
}

TEST_F(HostNetworkTest, LeavesOthersRulesAndRoutesAlone) {
  std::vector<io::Rule> others;
  const auto add = [&](io::Rule rule) {
    ASSERT_TRUE(io::add_rule(*netlink, rule));
    others.push_back(rule);
  };
  // A stock client's, plain WireGuard mode's, and an administrator's at our own priority.
  for (const auto family : {io::AddressFamily::V4, io::AddressFamily::V6}) {
    for (const auto& [priority, table] : {std::pair(5210U, 254U), std::pair(5230U, 253U)}) {
      add({.family = family,
           .priority = priority,
           .table = table,
           .mark = 0x80000,
           .mark_mask = 0xff0000,
           .suppress_shorter = {}});
    }
    add({.family = family,
         .priority = 5250,
         .action = io::RuleAction::Unreachable,
         .mark = 0x80000,
         .mark_mask = 0xff0000,
         .suppress_shorter = {}});
    add({.family = family, .priority = 5270, .table = 52, .mark = {}, .suppress_shorter = {}});
    add({.family = family, .priority = 5441, .table = 5441, .mark = 7, .suppress_shorter = {}});
    add({.family = family, .priority = 5400, .table = 60, .mark = 9, .suppress_shorter = {}});
  }
  for (const auto& [to, table] : {std::pair("100.101.0.1", 52U), std::pair("10.9.0.0/16", 53U)}) {
    io::Route route;
    route.destination = prefix(to);
    route.table = table;
    route.link = world->index();
    ASSERT_TRUE(io::add_route(*netlink, route));
  }
  const auto before = rules();
  const auto network = open();
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_THAT(rules(), IsSupersetOf(others));
  EXPECT_EQ(way_to("100.101.0.1"), world->index());
  EXPECT_EQ(way_to("100.64.0.2"), device->index());
  ASSERT_TRUE(network->clean_up());
  EXPECT_EQ(rules(), before);
  EXPECT_EQ(way_to("100.101.0.1"), world->index());
  EXPECT_THAT(io::list_routes(*netlink, {.table = 53}).value(), SizeIs(1));
}

TEST_F(HostNetworkTest, LeavesTheWayToEverybodyElseAlone) {
  connect("192.0.2.7", 24, "192.0.2.1");
  const auto network = open();
  ASSERT_TRUE(network->apply(plan()));
  for (const char* const other : {"192.0.2.9", "198.51.100.1", "100.64.0.3", "10.0.0.1"})
    EXPECT_EQ(way_to(other), world->index()) << other;
  EXPECT_EQ(way_to("100.100.7.9"), device->index());
  EXPECT_EQ(way_to("fd7a:115c:a1e0::2"), device->index());
}

TEST_F(HostNetworkTest, WorksBesideAnInterfaceInTheOverlaysRange) {
  connect("100.64.9.7", 10, "100.64.9.1");
  const auto network = open();
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_EQ(way_to("100.64.9.1"), world->index());
  EXPECT_EQ(way_to("100.100.7.8"), world->index());
  EXPECT_EQ(way_to("198.51.100.1"), world->index());
  EXPECT_EQ(way_to("100.100.7.9"), device->index());
  EXPECT_THAT(io::list_addresses(*netlink, world->index()).value(),
              ElementsAre(io::LinkAddress{world->index(), ip("100.64.9.7"), 10}));
}

TEST_F(HostNetworkTest, KeepsOuterPacketsOutOfTheOverlay) {
  const auto network = open();
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_EQ(way_to("100.64.0.2", kMark), 0U);  // and not through the tunnel
  EXPECT_EQ(way_to("fd7a:115c:a1e0::2", kMark), 0U);
  connect("192.0.2.7", 24, "192.0.2.1");
  EXPECT_EQ(way_to("100.64.0.2", kMark), world->index());
  EXPECT_EQ(way_to("198.51.100.1", kMark), world->index());
}

TEST_F(HostNetworkTest, WorksWhereIpv6IsOff) {
  ASSERT_TRUE(io::write_sysctl("net/ipv6/conf/all/disable_ipv6", "1"));
  const auto network = open();
  const auto applied = network->apply(plan());
  ASSERT_TRUE(applied) << applied.error().detail;
  EXPECT_THAT(addresses(), ElementsAre(prefix("100.64.0.1")));
  EXPECT_THAT(routes(), SizeIs(2));
  // It may come back.
  ASSERT_TRUE(io::write_sysctl("net/ipv6/conf/all/disable_ipv6", "0"));
  ASSERT_TRUE(network->apply(plan()));
  EXPECT_THAT(routes(), SizeIs(3));
  ASSERT_TRUE(network->clean_up());
}

TEST_F(HostNetworkTest, SaysWhenTheDeviceIsGone) {
  const unsigned index = device->index();
  device.reset();
  const auto opened = HostNetwork::open(index, log);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::NotFound);
}

}  // namespace
}  // namespace warren::node
