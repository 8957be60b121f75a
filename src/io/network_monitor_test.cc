#include "io/network_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/route.h"
#include "io/rule.h"
#include "io/sysctl.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"

namespace warren::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

// Two TUN devices in a namespace of their own: one is the world, one the overlay.
class NetworkMonitorTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto entered = enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
    // No link-local addresses: they come when the kernel pleases.
    ASSERT_TRUE(write_sysctl("net/ipv6/conf/default/addr_gen_mode", "1"));
    netlink = std::make_unique<Netlink>(Netlink::open().value());
    world = TunDevice::open("world%d").value();
    overlay = TunDevice::open("overlay%d").value();
    for (const TunDevice* const device : {world.get(), overlay.get()})
      ASSERT_TRUE(set_link_state(*netlink, device->index(), LinkState::Up));
    monitor = std::make_unique<NetworkMonitor>(
        NetworkMonitor::open({.excluded_link = overlay->index(), .mark = 0}).value());
    here = {world->index(), ip("192.0.2.7"), 24};
    there = {overlay->index(), ip("100.64.0.7"), 32};
    ASSERT_TRUE(add_address(*netlink, here));
    settle();
  }

  // What has happened is read.
  void settle() const {
    while (monitor->drain().any) state();
  }

  NetworkState state() const { return monitor->read().value(); }

  Route default_route(const char* to, unsigned link, std::uint32_t table = kMainTable) const {
    return {.destination = IpPrefix::parse(to).value(), .table = table, .link = link};
  }

  std::unique_ptr<Netlink> netlink;
  std::unique_ptr<TunDevice> world;
  std::unique_ptr<TunDevice> overlay;
  std::unique_ptr<NetworkMonitor> monitor;
  LinkAddress here;
  LinkAddress there;
};

TEST_F(NetworkMonitorTest, ShowsAddressesButNotTheOverlaysOwn) {
  ASSERT_TRUE(add_address(*netlink, there));
  EXPECT_EQ(state(), (NetworkState{.addresses = {here}, .default_v4 = 0, .default_v6 = 0}));
}

TEST_F(NetworkMonitorTest, TellsOfAddressesThatComeAndGo) {
  const LinkAddress more{world->index(), ip("198.51.100.7"), 24};
  ASSERT_TRUE(add_address(*netlink, more));
  NetworkNews news = monitor->drain();
  EXPECT_TRUE(news.any);
  EXPECT_FALSE(news.interrupted);
  EXPECT_THAT(state().addresses, ElementsAre(here, more));
  settle();

  ASSERT_TRUE(remove_address(*netlink, here));
  ASSERT_TRUE(add_address(*netlink, here));
  news = monitor->drain();
  EXPECT_TRUE(news.any);
  EXPECT_TRUE(news.interrupted);
  EXPECT_THAT(state().addresses, ElementsAre(here, more));
}

TEST_F(NetworkMonitorTest, TellsOfAnInterfaceThatGoesDownAndUp) {
  ASSERT_TRUE(set_link_state(*netlink, world->index(), LinkState::Down));
  NetworkNews news = monitor->drain();
  EXPECT_TRUE(news.any);
  EXPECT_TRUE(news.interrupted);
  EXPECT_THAT(state().addresses, IsEmpty());
  settle();
  ASSERT_TRUE(set_link_state(*netlink, world->index(), LinkState::Up));
  news = monitor->drain();
  EXPECT_TRUE(news.any);
  EXPECT_THAT(state().addresses, ElementsAre(here));
}

TEST_F(NetworkMonitorTest, SaysNothingOfTheOverlayAndOfMereSettings) {
  ASSERT_TRUE(add_address(*netlink, there));
  ASSERT_TRUE(add_route(*netlink, default_route("0.0.0.0/0", overlay->index(), 53)));
  ASSERT_TRUE(set_link_state(*netlink, overlay->index(), LinkState::Down));
  ASSERT_TRUE(set_link_mtu(*netlink, world->index(), 1400));
  EXPECT_FALSE(monitor->drain().any);
}

TEST_F(NetworkMonitorTest, FindsTheDefaultRouteOfEachFamily) {
  ASSERT_TRUE(add_route(*netlink, default_route("0.0.0.0/0", world->index())));
  EXPECT_TRUE(monitor->drain().any);
  EXPECT_EQ(state().default_v4, world->index());
  EXPECT_EQ(state().default_v6, 0U);
  ASSERT_TRUE(add_route(*netlink, default_route("::/0", world->index())));
  EXPECT_TRUE(monitor->drain().any);
  EXPECT_EQ(state().default_v6, world->index());
  ASSERT_TRUE(remove_route(*netlink, default_route("0.0.0.0/0", world->index())));
  EXPECT_TRUE(monitor->drain().any);
  EXPECT_EQ(state().default_v4, 0U);
}

TEST_F(NetworkMonitorTest, LooksForTheDefaultRouteAsMarkedPacketsDo) {
  constexpr std::uint32_t kMark = 0x80000;
  ASSERT_TRUE(add_route(*netlink, default_route("0.0.0.0/0", overlay->index(), 53)));
  ASSERT_TRUE(add_route(*netlink, default_route("0.0.0.0/0", world->index())));
  ASSERT_TRUE(add_rule(
      *netlink,
      {.family = AddressFamily::V4, .priority = 100, .table = 53, .mark = kMark, .invert = true}));
  EXPECT_TRUE(monitor->drain().any);
  EXPECT_EQ(state().default_v4, 0U);  // it leads into the overlay, which does not exist
  monitor->set_mark(kMark);
  EXPECT_EQ(state().default_v4, world->index());
}

}  // namespace
}  // namespace warren::io
