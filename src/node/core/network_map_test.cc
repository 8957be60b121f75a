#include "node/core/network_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"
#include "node/core/testing.h"
#include "proto/control/codec.h"

namespace warren::node {

namespace {

using control::Node;
using control::NodeId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kNow;
using testing::message;
using testing::network;
using testing::node;
using testing::prefix;
using ::testing::SizeIs;

constexpr NodeId kA{2};
constexpr NodeId kB{3};

MapChange tell(NetworkMap& map, std::string_view text) {
  return map.apply(message(text, false), kNow);
}

TEST(NetworkMap, TakesTheFirstMessageForEverything) {
  NetworkMap map = network();
  control::MapResponse second;
  second.node = node(1);
  second.peers = {node(3)};
  const MapChange change = map.apply({.map = second, .is_first = true}, kNow);
  EXPECT_TRUE(change.is_first);
  EXPECT_THAT(change.removed, ElementsAre(kA));
  EXPECT_THAT(change.removed_keys, ElementsAre(node(2).key));
  EXPECT_THAT(change.peers, IsEmpty()) << "the other peer is as it was";
  EXPECT_TRUE(change.filter) << "no rules came, so nothing may come in";
  EXPECT_THAT(map.filter_rules(), IsEmpty());
  EXPECT_TRUE(change.device);
}

TEST(NetworkMap, ReportsNothingWhenTheSameComesAgain) {
  NetworkMap map = network();
  const MapChange change = map.apply(testing::first_message(), kNow);
  EXPECT_EQ(change, MapChange{.is_first = true});
}

TEST(NetworkMap, KeepsPeersWhenTheListIsEmpty) {
  NetworkMap map = network();
  EXPECT_EQ(tell(map, R"({"Peers":[]})"), MapChange{});
  EXPECT_THAT(map.peers(), SizeIs(2));
}

TEST(NetworkMap, LeavesDeltasOutBesideAWholeList) {
  NetworkMap map = network();
  control::MapResponse news;
  news.peers = {node(2)};
  news.peers_changed = {node(9)};
  news.peers_removed = {kA};
  news.online_change = {{kA, true}};
  map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_THAT(map.peers(), SizeIs(1));
  EXPECT_EQ(map.peers().at(kA), node(2));
}

TEST(NetworkMap, RemovesBeforeItAdds) {
  NetworkMap map = network();
  control::MapResponse news;
  news.peers_removed = {kA};
  news.peers_changed = {node(2), node(4)};
  const MapChange change = map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_THAT(change.peers, ElementsAre(kA, NodeId{4}));
  EXPECT_THAT(change.removed, IsEmpty());
  EXPECT_THAT(change.removed_keys, IsEmpty());
}

TEST(NetworkMap, PatchesOnlyWhatAPatchHas) {
  NetworkMap map = network();
  const MapChange change = tell(
      map, R"({"PeersChangedPatch":[{"NodeID":2,"DERPRegion":7,"Endpoints":["192.0.2.7:7"]}]})");
  EXPECT_THAT(change.peers, ElementsAre(kA));
  EXPECT_FALSE(change.device);
  EXPECT_FALSE(change.filter);
  Node wanted = node(2);
  wanted.home_derp = {7};
  wanted.endpoints = {*Endpoint::parse("192.0.2.7:7")};
  EXPECT_EQ(map.peers().at(kA), wanted);
  tell(map, R"({"PeersChangedPatch":[{"NodeID":2,"Endpoints":[]}]})");
  EXPECT_THAT(map.peers().at(kA).endpoints, IsEmpty());
}

TEST(NetworkMap, SaysWhichKeyARotationDropped) {
  NetworkMap map = network();
  control::PeerChange patch;
  patch.node_id = kA;
  patch.key = node(9).key;
  control::MapResponse news;
  news.peers_changed_patch = {patch};
  const MapChange change = map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_THAT(change.peers, ElementsAre(kA));
  EXPECT_THAT(change.removed_keys, ElementsAre(node(2).key));
  EXPECT_EQ(map.find_by_key(node(9).key), map.find(kA));
  EXPECT_EQ(map.find_by_key(node(2).key), nullptr);
}

TEST(NetworkMap, DropsTheDiscoKeyOfAnOlderProcess) {
  NetworkMap map = network();
  tell(map, R"({"PeersChangedPatch":[{"NodeID":2,"LastSeen":"2026-11-21T08:00:00Z"}]})");
  control::PeerChange stale;
  stale.node_id = kA;
  stale.disco_key = node(9).disco_key;
  stale.online = false;
  stale.last_seen = parse_rfc3339("2026-11-21T07:00:00Z");
  control::MapResponse news;
  news.peers_changed_patch = {stale};
  EXPECT_EQ(map.apply({.map = news, .is_first = false}, kNow), MapChange{});
  EXPECT_EQ(map.counters().stale_patches, 1U);
}

TEST(NetworkMap, KnowsWhoIsOnline) {
  NetworkMap map = network();
  EXPECT_THAT(tell(map, R"({"OnlineChange":{"2":false},"PeerSeenChange":{"2":true}})").peers,
              ElementsAre(kA));
  EXPECT_EQ(map.peers().at(kA).online, false);
  EXPECT_EQ(map.peers().at(kA).last_seen, kNow);
  tell(map, R"({"PeerSeenChange":{"2":false}})");
  EXPECT_EQ(map.peers().at(kA).last_seen, std::nullopt);
}

TEST(NetworkMap, CountsChangesOfStrangers) {
  NetworkMap map = network();
  EXPECT_EQ(tell(map,
                 R"({"PeersRemoved":[77],"OnlineChange":{"78":true},"PeerSeenChange":{"79":true},
                      "PeersChangedPatch":[{"NodeID":80,"Online":true}]})"),
            MapChange{});
  EXPECT_EQ(map.counters().unknown_peers, 4U);
}

TEST(NetworkMap, PutsFilterChunksTogetherByName) {
  NetworkMap map = network();
  const auto rule = [](const std::string& source) {
    return R"([{"SrcIPs":[")" + source + R"("],"DstPorts":[]}])";
  };
  const auto sources = [&map] {
    std::vector<std::string> out;
    for (const auto& entry : map.filter_rules()) out.push_back(entry.src_ips.front());
    return out;
  };
  EXPECT_TRUE(tell(map, R"({"PacketFilters":{"c":)" + rule("3") + R"(,"a":)" + rule("1") +
                            R"(},"PacketFilter":)" + rule("2") + "}")
                  .filter);
  EXPECT_THAT(sources(), ElementsAre("1", "2", "3"));
  tell(map, R"({"PacketFilters":{"a":null,"base":[]}})");
  EXPECT_THAT(sources(), ElementsAre("3"));
  EXPECT_FALSE(tell(map, R"({"PacketFilters":{}})").filter);
  tell(map,
       R"({"PacketFilters":{"*":null,"b":)" + rule("4") + R"(},"PacketFilter":)" + rule("5") + "}");
  EXPECT_THAT(sources(), ElementsAre("4")) << "the base chunk came first, and was cleared";
}

TEST(NetworkMap, MergesRelayMaps) {
  NetworkMap map = network();
  ASSERT_TRUE(map.relay_map().regions);
  EXPECT_TRUE(tell(map, R"({"DERPMap":{"HomeParams":{"RegionScore":{"901":2}}}})").relays);
  EXPECT_TRUE(map.relay_map().regions->contains({901}));
  EXPECT_TRUE(tell(map, R"({"DERPMap":{"Regions":{}}})").relays);
  EXPECT_THAT(*map.relay_map().regions, IsEmpty());
  EXPECT_THAT(*map.relay_map().home_params->region_score, SizeIs(1));
  tell(map, R"({"DERPMap":{"HomeParams":{"RegionScore":{}}}})");
  EXPECT_THAT(*map.relay_map().home_params->region_score, IsEmpty());
  EXPECT_FALSE(tell(map, R"({"DERPMap":{}})").relays);
}

TEST(NetworkMap, KeepsHealthOfBothForms) {
  NetworkMap map = network();
  EXPECT_TRUE(tell(map, R"({"DisplayMessages":{"b":{"Title":"T","Text":"two"}}})").health);
  EXPECT_TRUE(tell(map, R"({"Health":["one"]})").health);
  EXPECT_THAT(map.health(), ElementsAre("T: two", "one"));
  tell(map, R"({"Health":[],"DisplayMessages":{"*":null,"c":{"Title":"","Text":"three"}}})");
  EXPECT_THAT(map.health(), ElementsAre("three"));
}

TEST(NetworkMap, ForgetsNoUsers) {
  NetworkMap map = network();
  EXPECT_TRUE(tell(map, R"({"UserProfiles":[{"ID":5,"LoginName":"e@x"}]})").names);
  EXPECT_FALSE(tell(map, R"({"UserProfiles":[{"ID":5,"LoginName":"e@x"}]})").names);
  EXPECT_THAT(map.users(), SizeIs(2));
}

// --- hostile maps

TEST(NetworkMap, GivesAContestedAddressToTheLowerId) {
  NetworkMap map = network();
  Node thief = node(9);
  thief.addresses.push_back(prefix("100.64.0.2/32"));
  thief.allowed_ips = thief.addresses;
  control::MapResponse news;
  news.peers_changed = {thief};
  map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_EQ(map.contested(), 1U);
  EXPECT_EQ(map.find_by_address(*IpAddress::parse("100.64.0.2")), map.find(kA));
  EXPECT_THAT(map.allowed_ips(map.peers().at(NodeId{9}), true),
              ElementsAre(prefix("100.64.0.9/32"), prefix("fd7a:115c:a1e0::9/128")));
  const MapChange change = tell(map, R"({"PeersRemoved":[2]})");
  EXPECT_THAT(change.peers, ElementsAre(NodeId{9})) << "it has the address now";
  EXPECT_THAT(map.allowed_ips(map.peers().at(NodeId{9}), true), SizeIs(3));
}

TEST(NetworkMap, PrefersWhoHasAnAddressToWhoRoutesIt) {
  NetworkMap map = network();
  Node router = node(2);
  router.allowed_ips = router.addresses;
  router.allowed_ips->push_back(prefix("100.64.0.3/32"));
  control::MapResponse news;
  news.peers_changed = {router};
  map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_EQ(map.find_by_address(*IpAddress::parse("100.64.0.3")), map.find(kB));
  EXPECT_THAT(map.allowed_ips(map.peers().at(kA), true), SizeIs(2));
}

TEST(NetworkMap, GivesAContestedKeyToTheLowerId) {
  NetworkMap map = network();
  Node twin = node(9);
  twin.key = node(2).key;
  control::MapResponse news;
  news.peers_changed = {twin};
  map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_TRUE(map.has_key(map.peers().at(kA)));
  EXPECT_FALSE(map.has_key(map.peers().at(NodeId{9})));
  const MapChange change = tell(map, R"({"PeersRemoved":[2]})");
  EXPECT_THAT(change.peers, ElementsAre(NodeId{9}));
  EXPECT_THAT(change.removed_keys, IsEmpty()) << "another peer has it";
  EXPECT_TRUE(map.has_key(map.peers().at(NodeId{9})));
}

TEST(NetworkMap, IsNoPeerOfItself) {
  NetworkMap map = network();
  Node key_twin = node(8);
  key_twin.key = node(1).key;
  Node address_twin = node(9);
  address_twin.addresses = node(1).addresses;
  control::MapResponse news;
  news.peers_changed = {node(1), key_twin, address_twin};
  const MapChange change = map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_THAT(change.peers, ElementsAre(NodeId{9}));
  EXPECT_THAT(change.removed_keys, IsEmpty());
  EXPECT_EQ(map.counters().refused_peers, 2U);
  EXPECT_THAT(map.allowed_ips(map.peers().at(NodeId{9}), true), IsEmpty());
  EXPECT_EQ(map.find_by_address(node(1).addresses.front().address()), &*map.self());
}

TEST(NetworkMap, RefusesWhatIsNoPeer) {
  NetworkMap map = network();
  Node without_key = node(2);
  without_key.key = {};
  Node without_id = node(7);
  without_id.id = {};
  Node strange = node(8);
  strange.addresses = {prefix("127.0.0.1/32"), prefix("224.0.0.1/32"), prefix("10.0.0.0/8")};
  control::MapResponse news;
  news.peers_changed = {without_key, without_id, strange};
  const MapChange change = map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_THAT(change.removed, ElementsAre(kA)) << "what was known of it is no longer true";
  EXPECT_EQ(map.counters().refused_peers, 2U);
  EXPECT_EQ(map.counters().refused_prefixes, 3U);
}

TEST(NetworkMap, BoundsAPeer) {
  NetworkMap map = network();
  Node large = node(8);
  large.allowed_ips.emplace();
  for (unsigned i = 0; i < kMaxPeerPrefixes + 10; ++i) {
    const auto high = static_cast<std::uint8_t>(i >> 8U);
    const auto low = static_cast<std::uint8_t>(i);
    large.allowed_ips->emplace_back(IpAddress::v4({10, high, low, 0}), 24);
  }
  large.addresses.assign(kMaxPeerAddresses + 100, prefix("100.64.9.9/32"));
  large.endpoints.assign(1000, *Endpoint::parse("192.0.2.1:1"));
  control::MapResponse news;
  news.peers_changed = {large};
  map.apply({.map = news, .is_first = false}, kNow);
  const Node& kept = map.peers().at(NodeId{8});
  EXPECT_EQ(kept.allowed_ips->size(), kMaxPeerPrefixes);
  EXPECT_EQ(kept.addresses.size(), kMaxPeerAddresses);
  EXPECT_EQ(kept.endpoints.size(), kMaxPeerEndpoints);
}

// --- time

TEST(NetworkMap, NoticesThatAKeyExpires) {
  NetworkMap map = network();
  tell(map, R"({"PeersChangedPatch":[{"NodeID":2,"KeyExpiry":"2026-11-21T10:00:00Z"}]})");
  const WallTime expiry = *parse_rfc3339("2026-11-21T10:00:00Z");
  EXPECT_FALSE(map.is_expired(map.peers().at(kA)));
  ASSERT_EQ(map.next_expiry(), expiry);
  EXPECT_EQ(map.on_time(kNow.after(60s)), MapChange{});
  EXPECT_THAT(map.on_time(expiry).peers, ElementsAre(kA));
  EXPECT_TRUE(map.is_expired(map.peers().at(kA)));
  EXPECT_EQ(map.next_expiry(), std::nullopt);
  EXPECT_THAT(map.on_time(kNow).peers, ElementsAre(kA)) << "the clock was wrong";
  EXPECT_FALSE(map.is_expired(map.peers().at(kA)));
  map.on_time(expiry);
  EXPECT_THAT(
      tell(map, R"({"PeersChangedPatch":[{"NodeID":2,"KeyExpiry":"0001-01-01T00:00:00Z"}]})").peers,
      ElementsAre(kA));
  EXPECT_FALSE(map.is_expired(map.peers().at(kA)));
}

TEST(NetworkMap, JudgesExpiryByTheServersClock) {
  for (const WallTime now : {WallTime{.seconds = 60}, WallTime{.seconds = 2'524'608'000}, kNow}) {
    SCOPED_TRACE(to_rfc3339(now));
    NetworkMap map;
    control::MapResponse news;
    news.node = node(1);
    news.node->key_expiry = parse_rfc3339("2026-11-21T09:30:00Z");
    news.control_time = parse_rfc3339("2026-11-21T09:00:00Z");
    map.apply({.map = news, .is_first = true}, now);
    EXPECT_FALSE(map.is_expired(*map.self()));
    ASSERT_EQ(map.next_expiry(), now.after(1800s));
    EXPECT_TRUE(map.on_time(now.after(1800s)).self);
    EXPECT_TRUE(map.is_expired(*map.self()));
  }
}

TEST(NetworkMap, ExpiresNobodyByAServersClockThatIsWrong) {
  NetworkMap map;
  control::MapResponse news;
  news.node = node(1);
  news.node->key_expiry = parse_rfc3339("1970-07-01T00:00:00Z");
  news.control_time = parse_rfc3339("1970-01-02T00:00:00Z");
  map.apply({.map = news, .is_first = true}, kNow);
  EXPECT_FALSE(map.is_expired(*map.self())) << "the server would have said so";
  EXPECT_EQ(map.next_expiry(), std::nullopt);
  news.control_time = parse_rfc3339("2026-11-21T09:00:00Z");
  EXPECT_TRUE(map.apply({.map = news, .is_first = false}, kNow).self);
  EXPECT_TRUE(map.is_expired(*map.self())) << "it is right now";
}

TEST(NetworkMap, ExpiresNobodyByAClockThatIsWrong) {
  NetworkMap map;
  control::MapResponse news;
  news.node = node(1);
  news.node->key_expiry = parse_rfc3339("1969-01-01T00:00:00Z");
  const WallTime wrong{.seconds = 60};
  map.apply({.map = news, .is_first = true}, wrong);
  EXPECT_FALSE(map.is_expired(*map.self()));
  ASSERT_TRUE(map.next_expiry());
  EXPECT_GT(*map.next_expiry(), wrong);
  EXPECT_TRUE(map.on_time(kNow).self);
}

// --- names

TEST(NetworkMap, FindsNodesByWhatPeopleCallThem) {
  NetworkMap map = network();
  for (const std::string_view text :
       {"100.64.0.2", "N2.net.example", "n2.net.example.", "n2", "Host-2"}) {
    SCOPED_TRACE(text);
    const auto found = map.find_by_name(text);
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_EQ(*found, map.find(kA));
  }
  EXPECT_EQ(*map.find_by_name("n1"), &*map.self());
  EXPECT_EQ(map.find_by_name("n77").error().code, Errc::NotFound);
  EXPECT_EQ(map.find_by_name("100.64.0.77").error().code, Errc::NotFound);
  EXPECT_EQ(map.find_by_name("").error().code, Errc::InvalidArgument);
  Node twin = node(9);
  twin.hostinfo->hostname = "host-2";
  control::MapResponse news;
  news.peers_changed = {twin};
  map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_EQ(map.find_by_name("host-2").error().code, Errc::InvalidArgument);
  EXPECT_TRUE(map.find_by_name("n2"));
  EXPECT_EQ(map.name_suffix(), "net.example");
}

}  // namespace

}  // namespace warren::node
