#include "tunnel/mesh_shell.h"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/address.h"
#include "io/link.h"
#include "io/route.h"
#include "io/test_namespace.h"
#include "io/tun_device.h"
#include "tunnel/testing/mesh_pair.h"
#include "tunnel/tunnel.h"

namespace warren::tunnel {
namespace {

using ::testing::Contains;
using ::testing::Not;

// A whole tunnel in a namespace of its own, whose world is another TUN device.
class MeshShellTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto entered = io::enter_test_namespace();
    if (!entered && entered.error().code == Errc::PermissionDenied) {
      GTEST_SKIP() << entered.error().detail;
    }
    ASSERT_TRUE(entered) << entered.error().detail;
    netlink = std::make_unique<io::Netlink>(io::Netlink::open().value());
    world = io::TunDevice::open("world%d").value();
    ASSERT_TRUE(io::set_link_state(*netlink, world->index(), io::LinkState::Up));
    auto started = Tunnel::start(
        context.get_executor(), io::TunDevice::open("tun%d").value(), {}, random, wall_clock, log,
        MeshOptions{.disco_key = testing::Side::disco_key(1), .relay = &relay});
    ASSERT_TRUE(started) << started.error().detail;
    tunnel = std::move(*started);
    ASSERT_NE(tunnel->mesh(), nullptr);
  }

  void add_address(const char* address) {
    ASSERT_TRUE(io::add_address(*netlink, {world->index(), IpAddress::parse(address).value(), 24}));
  }

  Endpoint ours(const char* address) const {
    return {.address = IpAddress::parse(address).value(), .port = tunnel->listen_port()};
  }

  const std::vector<Endpoint>& endpoints() const { return tunnel->mesh()->paths().endpoints(); }

  // Until something happened that the test waits for; the test's time limit ends it otherwise.
  void run_until(const std::function<bool()>& condition) {
    while (!condition()) context.run_one();
  }

  boost::asio::io_context context;
  SeededRandom random{1};
  testing::FakeWallClock wall_clock;
  Log log = Log::nowhere();
  testing::FakeRelay relay;
  std::unique_ptr<io::Netlink> netlink;
  std::unique_ptr<io::TunDevice> world;
  std::unique_ptr<Tunnel> tunnel;
};

TEST_F(MeshShellTest, LearnsOfAddressesThatComeAndGo) {
  const int before = relay.network_changes;
  add_address("192.0.2.7");
  run_until([&] { return relay.network_changes > before; });
  EXPECT_THAT(endpoints(), Contains(ours("192.0.2.7")));
  ASSERT_TRUE(
      io::remove_address(*netlink, {world->index(), IpAddress::parse("192.0.2.7").value(), 24}));
  add_address("198.51.100.7");
  run_until([&] { return relay.network_changes > before + 1; });
  EXPECT_THAT(endpoints(), Contains(ours("198.51.100.7")));
  EXPECT_THAT(endpoints(), Not(Contains(ours("192.0.2.7"))));
}

TEST_F(MeshShellTest, OffersItsNewPort) {
  const int before = relay.network_changes;
  add_address("192.0.2.7");
  run_until([&] { return relay.network_changes > before; });
  ASSERT_TRUE(tunnel->set_listen_port(static_cast<std::uint16_t>(tunnel->listen_port() ^ 1U)));
  EXPECT_THAT(endpoints(), Contains(ours("192.0.2.7")));
}

TEST_F(MeshShellTest, HearsTheRelayClientUntilItEnds) {
  ASSERT_NE(relay.listener(), nullptr);
  relay.listener()->on_relayed({.region = testing::kRegion, .peer = NodePublicKey()},
                               std::vector<std::uint8_t>(148, 1));
  EXPECT_EQ(tunnel->mesh()->counters().relayed_unknown, 1U);
  tunnel.reset();
  EXPECT_EQ(relay.listener(), nullptr);
}

TEST_F(MeshShellTest, MakesARelayOfTheMapItsHome) {
  relay::Map map;
  map.regions.push_back({.id = testing::kRegion, .code = "r", .name = "r", .nodes = {}});
  relay::RegionId told;
  tunnel->mesh()->observe({.endpoints_changed = {},
                           .home_changed = [&](relay::RegionId home) { told = home; },
                           .report_ready = {}});
  tunnel->mesh()->set_relay_map(std::make_shared<const relay::Map>(std::move(map)));
  EXPECT_EQ(relay.home, testing::kRegion);
  EXPECT_EQ(told, testing::kRegion);
}

}  // namespace
}  // namespace warren::tunnel
