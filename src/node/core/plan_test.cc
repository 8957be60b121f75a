#include "node/core/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/core/testing.h"
#include "policy/testing.h"

namespace warren::node {

namespace {

using control::Node;
using control::NodeId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kNow;
using testing::network;
using testing::node;
using testing::prefix;
using ::testing::SizeIs;

constexpr NodeId kA{2};

Prefs running() {
  Prefs out;
  out.want_running = true;
  return out;
}

// The map with this peer in place of what it had.
NetworkMap with(Node peer) {
  NetworkMap map = network();
  control::MapResponse news;
  news.peers_changed = {std::move(peer)};
  map.apply({.map = std::move(news), .is_first = false}, kNow);
  return map;
}

Node router() {
  Node out = node(2);
  out.allowed_ips = out.addresses;
  out.allowed_ips->push_back(prefix("10.1.0.0/16"));
  out.allowed_ips->push_back(prefix("0.0.0.0/0"));
  return out;
}

TEST(Plan, GivesTheDeviceOurAddressesAndThoseOfPeers) {
  const DevicePlan plan = plan_device(network(), running());
  EXPECT_EQ(plan.addresses, node(1).addresses);
  EXPECT_THAT(plan.routes,
              ElementsAre(prefix("100.64.0.2/32"), prefix("100.64.0.3/32"),
                          prefix("fd7a:115c:a1e0::2/128"), prefix("fd7a:115c:a1e0::3/128")));
  EXPECT_EQ(plan.mtu, 1280U);
}

TEST(Plan, TakesSubnetsOnlyWhenAskedTo) {
  const NetworkMap map = with(router());
  Prefs prefs = running();
  EXPECT_THAT(plan_device(map, prefs).routes, SizeIs(4));
  EXPECT_EQ(plan_peer(map, map.peers().at(kA), prefs)->allowed_ips, node(2).addresses);
  prefs.route_all = true;
  EXPECT_THAT(plan_device(map, prefs).routes, ::testing::Contains(prefix("10.1.0.0/16")));
  EXPECT_THAT(plan_device(map, prefs).routes, SizeIs(5)) << "no default route";
  EXPECT_THAT(plan_peer(map, map.peers().at(kA), prefs)->allowed_ips, SizeIs(3));
}

TEST(Plan, TellsTheTunnelWhereAPeerIs) {
  Node peer = node(2);
  peer.endpoints.push_back(Endpoint{});
  const NetworkMap map = with(peer);
  const auto plan = plan_peer(map, map.peers().at(kA), running());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->key, peer.key);
  EXPECT_EQ(plan->path, (path::PeerConfig{.node_key = peer.key,
                                          .disco_key = peer.disco_key,
                                          .endpoints = {*Endpoint::parse("192.0.2.2:41641")},
                                          .home = {901}}));
}

TEST(Plan, HasNoTunnelWithPeersThatCannotHaveOne) {
  Node expired = node(2);
  expired.expired = true;
  Node old = node(2);
  old.key_expiry = kNow;
  Node silent = node(2);
  silent.disco_key = {};
  Node twin = node(2);
  twin.id = {9};
  for (const Node& peer : {expired, old, silent, twin}) {
    const NetworkMap map = with(peer);
    EXPECT_EQ(plan_peer(map, map.peers().at(peer.id), running()), std::nullopt);
    EXPECT_FALSE(why_no_tunnel(map, map.peers().at(peer.id)).empty());
    EXPECT_THAT(plan_device(map, running()).routes, SizeIs(4)) << "nothing leaves another way";
  }
  silent.is_wireguard_only = true;
  const NetworkMap map = with(silent);
  EXPECT_TRUE(plan_peer(map, map.peers().at(kA), running()));
}

TEST(Plan, IsEmptyWhenNoPacketsMayFlow) {
  Prefs stopped = running();
  stopped.want_running = false;
  Prefs logged_out = running();
  logged_out.logged_out = true;
  Node waiting = node(1);
  waiting.machine_authorized = false;
  Node expired = node(1);
  expired.expired = true;
  const auto expect_empty = [](const NetworkMap& map, const Prefs& prefs) {
    EXPECT_FALSE(is_tunnel_wanted(map, prefs));
    EXPECT_EQ(plan_device(map, prefs), DevicePlan{});
    EXPECT_EQ(plan_filter(map, prefs), FilterPlan{});
    for (const auto& [id, peer] : map.peers()) EXPECT_FALSE(plan_peer(map, peer, prefs));
  };
  expect_empty(network(), stopped);
  expect_empty(network(), logged_out);
  expect_empty(NetworkMap{}, running());
  for (const Node& self : {waiting, expired}) {
    NetworkMap map = network();
    control::MapResponse news;
    news.node = self;
    EXPECT_TRUE(map.apply({.map = news, .is_first = false}, kNow).self);
    expect_empty(map, running());
  }
}

TEST(Plan, LetsInWhatTheRulesSay) {
  const FilterPlan plan = plan_filter(network(), running());
  EXPECT_EQ(plan.problem, "");
  EXPECT_THAT(plan.config.addresses, SizeIs(2));
  EXPECT_THAT(plan.config.jailed, IsEmpty());
  const auto filter = policy::testing::make_filter(plan.config);
  const policy::testing::PacketSpec packet{.source = *IpAddress::parse("100.64.0.2"),
                                           .destination = *IpAddress::parse("100.64.0.1"),
                                           .destination_port = 22};
  EXPECT_EQ(filter->judge(policy::testing::parse(packet)), policy::Verdict::Accept);
}

TEST(Plan, JailsWhoMayOnlyAnswer) {
  Node jailed = router();
  jailed.is_jailed = true;
  NetworkMap map = with(jailed);
  EXPECT_EQ(plan_filter(map, running()).config.jailed, node(2).addresses);
  Node unsigned_peer = node(2);
  unsigned_peer.unsigned_peer_api_only = true;
  map = with(unsigned_peer);
  EXPECT_EQ(plan_filter(map, running()).config.jailed, node(2).addresses);
  Prefs prefs = running();
  prefs.shields_up = true;
  EXPECT_TRUE(plan_filter(map, prefs).config.shields_up);
}

TEST(Plan, KnowsWhomACapabilityStandsFor) {
  NetworkMap map = network();
  map.apply(
      testing::message(
          R"({"PacketFilter":[{"SrcIPs":["cap:x"],"DstPorts":[{"IP":"*","Ports":{"First":1,"Last":2}}]}]})",
          false),
      kNow);
  const FilterPlan before = plan_filter(map, running());
  const MapChange change = map.apply(
      testing::message(R"({"PeersChangedPatch":[{"NodeID":2,"CapMap":{"x":null}}]})", false), kNow);
  EXPECT_TRUE(change.filter);
  const FilterPlan after = plan_filter(map, running());
  EXPECT_NE(before, after);
  ASSERT_THAT(after.config.rules.rules, SizeIs(1));
  EXPECT_THAT(after.config.rules.rules.front().sources, SizeIs(2));
}

// A hub: two addresses of its own, and those of a device.
NetworkMap hub() {
  Node self = node(1);
  self.allowed_ips = self.addresses;
  for (const char* const text : {"100.64.0.7/32", "fd7a:115c:a1e0::7/128"}) {
    self.allowed_ips->push_back(prefix(text));
  }
  Node device = node(7);
  device.disco_key = {};
  device.is_wireguard_only = true;
  NetworkMap map = network();
  control::MapResponse news;
  news.node = self;
  news.peers_changed = {device};
  map.apply({.map = std::move(news), .is_first = false}, kNow);
  return map;
}

TEST(Plan, OfAHubCarriesWhatIsNotItsOwn) {
  const NetworkMap map = hub();
  EXPECT_EQ(plan_device(map, running()).addresses, node(1).addresses);
  EXPECT_THAT(plan_device(map, running()).routes, ::testing::Contains(prefix("100.64.0.7/32")));
  const FilterPlan plan = plan_filter(map, running());
  EXPECT_TRUE(plan.is_hub);
  EXPECT_THAT(plan.config.addresses, SizeIs(2));
  EXPECT_THAT(plan.config.routes,
              ElementsAre(prefix("100.64.0.7/32"), prefix("fd7a:115c:a1e0::7/128")));
  const auto filter = policy::testing::make_filter(plan.config);
  policy::testing::PacketSpec packet{.source = *IpAddress::parse("100.64.0.2"),
                                     .destination = *IpAddress::parse("100.64.0.7"),
                                     .destination_port = 22};
  EXPECT_EQ(filter->judge(policy::testing::parse(packet)), policy::Verdict::Accept);
  std::swap(packet.source, packet.destination);
  packet.destination = *IpAddress::parse("100.64.0.1");
  EXPECT_EQ(filter->judge(policy::testing::parse(packet)), policy::Verdict::Accept);

  const auto device = plan_peer(map, map.peers().at(NodeId{7}), running());
  ASSERT_TRUE(device);
  EXPECT_TRUE(device->is_wireguard_only);
  EXPECT_FALSE(plan_peer(map, map.peers().at(kA), running())->is_wireguard_only);
  EXPECT_FALSE(plan_filter(network(), running()).is_hub);
}

TEST(Plan, OfANodeThatRoutesASubnetIsNoHubs) {
  Node self = node(1);
  self.allowed_ips = self.addresses;
  self.allowed_ips->push_back(prefix("192.168.1.0/24"));
  NetworkMap map = network();
  control::MapResponse news;
  news.node = self;
  map.apply({.map = std::move(news), .is_first = false}, kNow);
  EXPECT_FALSE(plan_filter(map, running()).is_hub);
}

}  // namespace

}  // namespace warren::node
