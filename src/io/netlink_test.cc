#include "io/netlink.h"

#include <algorithm>

#include <poll.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/address.h"
#include "io/link.h"
#include "io/link_monitor.h"
#include "io/route.h"
#include "io/rule.h"
#include "io/rule_monitor.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"

namespace warren::io {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

IpPrefix prefix(const char* text) {
  return IpPrefix::parse(text).value();
}

// A namespace of its own with a TUN device that is up.
class NetlinkTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto entered = enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
    netlink = std::make_unique<Netlink>(Netlink::open().value());
    auto opened = TunDevice::open("tun%d");
    ASSERT_TRUE(opened) << opened.error().detail;
    device = std::move(*opened);
    link = device->index();
    ASSERT_TRUE(set_link_state(*netlink, link, LinkState::Up));
  }

  Link find() { return find_link(*netlink, device->name()).value(); }

  std::unique_ptr<Netlink> netlink;
  std::unique_ptr<TunDevice> device;
  unsigned link = 0;
};

TEST_F(NetlinkTest, FindsAndListsLinks) {
  const Link found = find();
  EXPECT_EQ(found.index, link);
  EXPECT_EQ(found.name, device->name());
  EXPECT_EQ(found.kind, "tun");
  EXPECT_EQ(found.mtu, 1500U);
  EXPECT_EQ(found.tx_queue_length, 500U);
  EXPECT_TRUE(found.is_up());
  EXPECT_THAT(list_links(*netlink).value(), Contains(found));
  EXPECT_EQ(find_link(*netlink, "nowhere0").error().code, Errc::NotFound);
  EXPECT_EQ(find_link(*netlink, "a-name-that-is-too-long").error().code, Errc::InvalidArgument);
}

TEST_F(NetlinkTest, ChangesLinks) {
  ASSERT_TRUE(set_link_mtu(*netlink, link, 1420));
  ASSERT_TRUE(set_link_tx_queue_length(*netlink, link, 64));
  ASSERT_TRUE(set_link_gso_max_size(*netlink, link, 61881));
  ASSERT_TRUE(set_link_state(*netlink, link, LinkState::Down));
  const Link changed = find();
  EXPECT_EQ(changed.mtu, 1420U);
  EXPECT_EQ(changed.tx_queue_length, 64U);
  EXPECT_EQ(changed.gso_max_size, 61881U);
  EXPECT_FALSE(changed.is_up());
}

TEST_F(NetlinkTest, PassesOnTheKernelsExplanation) {
  const auto failed = set_link_mtu(*netlink, link, 1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::InvalidArgument);
  EXPECT_THAT(failed.error().detail, HasSubstr("set the MTU of interface"));
  EXPECT_THAT(failed.error().detail, HasSubstr("(mtu less than device minimum)"));
}

TEST_F(NetlinkTest, AddsListsAndRemovesAddresses) {
  const LinkAddress v4{link, ip("100.64.0.1"), 32};
  const LinkAddress v6{link, ip("fd7a::1"), 64};
  for (const LinkAddress& address : {v4, v6}) {
    ASSERT_TRUE(add_address(*netlink, address));
    EXPECT_EQ(add_address(*netlink, address).error().code, Errc::AlreadyExists);
    EXPECT_TRUE(ensure_address(*netlink, address));
  }
  // The kernel adds a link-local address to the TUN device on its own.
  EXPECT_THAT(list_addresses(*netlink, link).value(), AllOf(Contains(v4), Contains(v6)));
  EXPECT_THAT(list_addresses(*netlink, 0).value(), Contains(LinkAddress{1, ip("127.0.0.1"), 8}));
  for (const LinkAddress& address : {v4, v6}) {
    ASSERT_TRUE(remove_address(*netlink, address));
    EXPECT_EQ(remove_address(*netlink, address).error().code, Errc::NotFound);
    EXPECT_TRUE(ensure_no_address(*netlink, address));
  }
  EXPECT_THAT(list_addresses(*netlink, link).value(), AllOf(Not(Contains(v4)), Not(Contains(v6))));
}

TEST_F(NetlinkTest, AddsListsAndRemovesRoutes) {
  std::vector<Route> routes = {
      {.destination = prefix("10.1.0.0/16"), .table = 53, .link = link, .metric = 7},
      {.destination = prefix("0.0.0.0/0"), .table = 70000, .link = link},
      {.destination = prefix("fd01::/48"), .table = 53, .link = link, .metric = 7},
      {.destination = prefix("::/0"), .table = 53, .link = link, .metric = 1024},
      {.destination = prefix("10.2.0.0/16"), .type = RouteType::Unreachable, .table = 53},
      {.destination = prefix("10.3.0.0/16"), .type = RouteType::Throw, .table = 53},
      {.destination = prefix("10.4.0.0/16"), .table = 53, .link = link, .gateway = ip("10.9.9.9")},
  };
  ASSERT_TRUE(add_route(*netlink, {.destination = prefix("10.9.0.0/16"), .link = link}));
  for (Route& route : routes) {
    SCOPED_TRACE(route.destination.to_string());
    route.protocol = 117;
    const auto added = add_route(*netlink, route);
    ASSERT_TRUE(added) << added.error().detail;
    EXPECT_EQ(add_route(*netlink, route).error().code, Errc::AlreadyExists);
    EXPECT_TRUE(ensure_route(*netlink, route));
  }
  EXPECT_THAT(list_routes(*netlink, {.protocol = 117}).value(),
              testing::UnorderedElementsAreArray(routes));
  EXPECT_THAT(list_routes(*netlink, {.table = 70000}).value(), ElementsAre(routes[1]));
  for (const Route& route : routes) {
    SCOPED_TRACE(route.destination.to_string());
    const auto removed = remove_route(*netlink, route);
    ASSERT_TRUE(removed) << removed.error().detail;
    EXPECT_EQ(remove_route(*netlink, route).error().code, Errc::NotFound);
    EXPECT_TRUE(ensure_no_route(*netlink, route));
  }
  EXPECT_THAT(list_routes(*netlink, {.protocol = 117}).value(), IsEmpty());
}

TEST_F(NetlinkTest, AddsListsAndRemovesRules) {
  const auto before = list_rules(*netlink).value();
  const Rule marked{.family = AddressFamily::V4,
                    .priority = 5410,
                    .table = 53,
                    .mark = 0x80000,
                    .mark_mask = 0xff0000,
                    .invert = true,
                    .suppress_shorter = std::nullopt,
                    .protocol = 117};
  const Rule suppressing{.family = AddressFamily::V6,
                         .priority = 5420,
                         .table = kMainTable,
                         .mark = std::nullopt,
                         .suppress_shorter = 0,
                         .protocol = 117};
  const Rule unreachable{.family = AddressFamily::V6,
                         .priority = 5430,
                         .action = RuleAction::Unreachable,
                         .mark = 0x80000,
                         .mark_mask = 0xff0000,
                         .suppress_shorter = std::nullopt,
                         .protocol = 117};
  for (const Rule& rule : {marked, suppressing, unreachable}) {
    const auto added = add_rule(*netlink, rule);
    ASSERT_TRUE(added) << added.error().detail;
    EXPECT_EQ(add_rule(*netlink, rule).error().code, Errc::AlreadyExists);
    EXPECT_TRUE(ensure_rule(*netlink, rule));
  }
  auto listed = list_rules(*netlink).value();
  std::erase_if(listed, [](const Rule& rule) { return rule.protocol != 117; });
  EXPECT_THAT(listed, UnorderedElementsAre(marked, suppressing, unreachable));
  for (const Rule& rule : {marked, suppressing, unreachable}) {
    ASSERT_TRUE(remove_rule(*netlink, rule));
    EXPECT_EQ(remove_rule(*netlink, rule).error().code, Errc::NotFound);
    EXPECT_TRUE(ensure_no_rule(*netlink, rule));
  }
  EXPECT_EQ(list_rules(*netlink).value(), before);
}

TEST_F(NetlinkTest, MonitorTellsOfRemovedRules) {
  const Rule rule{.priority = 5430, .table = 53, .protocol = 117};
  const Rule unreachable{
      .family = AddressFamily::V6, .priority = 5420, .action = RuleAction::Unreachable};
  auto monitor = RuleMonitor::open().value();
  ASSERT_TRUE(add_rule(*netlink, rule));
  ASSERT_TRUE(add_rule(*netlink, unreachable));
  EXPECT_THAT(monitor.drain().removed, IsEmpty());
  ASSERT_TRUE(remove_rule(*netlink, rule));
  ASSERT_TRUE(remove_rule(*netlink, unreachable));
  const RuleChanges changes = monitor.drain();
  EXPECT_THAT(changes.removed, ElementsAre(rule, unreachable));
  EXPECT_FALSE(changes.missed);
  EXPECT_FALSE(changes.more);
}

TEST_F(NetlinkTest, MonitorTellsOfMtuStateAndRemoval) {
  auto monitor = LinkMonitor::open().value();
  EXPECT_THAT(monitor.drain().changed, IsEmpty());
  ASSERT_TRUE(set_link_mtu(*netlink, link, 1280));
  ASSERT_TRUE(set_link_state(*netlink, link, LinkState::Down));
  const LinkChanges changes = monitor.drain();
  ASSERT_THAT(changes.changed, Not(IsEmpty()));
  EXPECT_EQ(changes.changed.back(), find());
  EXPECT_FALSE(changes.missed);
  EXPECT_FALSE(changes.more);

  device = nullptr;
  pollfd ready{.fd = monitor.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&ready, 1, 5000), 1);
  EXPECT_THAT(monitor.drain().removed, ElementsAre(link));
}

}  // namespace
}  // namespace warren::io
