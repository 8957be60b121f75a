#include "node/core/status.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/core/answers.h"
#include "node/core/status_report.h"
#include "node/core/status_text.h"
#include "node/core/testing.h"

namespace warren::node {

namespace {

using control::Node;
using control::NodeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kNow;
using testing::network;
using testing::node;

constexpr TimePoint kHere{1000s};
constexpr NodeId kA{2};

// What the daemon would know, to be changed by each test.
struct World {
  World() {
    prefs.want_running = true;
    client.is_connected = true;
    report.udp = true;
    report.latencies.push_back({.region = {901}, .v4 = 5ms, .v6 = {}, .https = {}});
    facts.path.state = path::PathState::Relayed;
    facts.path.since = kHere - 12s;
    facts.path.path.relay = relay::Route{.region = {901}, .peer = node(2).key};
    facts.path.candidates = 2;
    facts.last_sent = kHere - 1s;
    facts.tx_bytes = 100;
    facts.rx_bytes = 50;
  }

  StatusInput input() const {
    return {.prefs = prefs,
            .client = client,
            .map = map,
            .report = report,
            .facts = [this](const Node& peer) -> std::optional<PeerFacts> {
              if (peer.id != kA) return std::nullopt;
              return facts;
            },
            .now = kHere,
            .wall_now = kNow,
            .version = "1.2.3",
            .health = {"UDP is blocked"},
            .have_node_key = true};
  }

  std::string why() const { return why_not_direct(input(), map.peers().at(kA), facts); }

  void change(const Node& peer) {
    control::MapResponse news;
    news.peers_changed = {peer};
    map.apply({.map = news, .is_first = false}, kNow);
  }

  NetworkMap map = network();
  Prefs prefs;
  ClientStatus client;
  path::Report report;
  PeerFacts facts;
};

std::vector<std::string> keys_of(const boost::json::value& value) {
  std::vector<std::string> out;
  for (const auto& member : value.as_object()) out.emplace_back(member.key());
  return out;
}

TEST(Status, HasTheNamesThatToolsRead) {
  const World world;
  const auto value = boost::json::parse(encode_status(make_status(world.input())));
  EXPECT_THAT(keys_of(value),
              ElementsAre("Version", "TUN", "BackendState", "HaveNodeKey", "AuthURL",
                          "TailscaleIPs", "Self", "Health", "MagicDNSSuffix", "CurrentTailnet",
                          "CertDomains", "Peer", "User", "ClientVersion"));
  const auto& peer = value.at("Peer").as_object().begin()->value();
  EXPECT_THAT(
      keys_of(peer),
      ElementsAre("ID", "NodeID", "PublicKey", "HostName", "DNSName", "OS", "UserID",
                  "TailscaleIPs", "AllowedIPs", "Addrs", "CurAddr", "Relay", "PeerRelay", "RxBytes",
                  "TxBytes", "Created", "LastWrite", "LastSeen", "LastHandshake", "Online",
                  "ExitNode", "ExitNodeOption", "Active", "PeerAPIURL", "TaildropTarget",
                  "NoFileSharingReason", "InNetworkMap", "InMagicSock", "InEngine", "Path"));
  EXPECT_EQ(value.at("BackendState").as_string(), "Running");
  EXPECT_EQ(peer.at("Created").as_string(), "0001-01-01T00:00:00Z");
  EXPECT_EQ(peer.at("LastWrite").as_string(), "2026-11-21T08:59:59Z");
  EXPECT_EQ(peer.at("Relay").as_string(), "one");
  EXPECT_TRUE(peer.at("Active").as_bool());
  EXPECT_EQ(peer.at("Path").at("State").as_string(), "relayed");
  EXPECT_EQ(peer.at("Path").at("Since").as_string(), "2026-11-21T08:59:48Z");
  EXPECT_THAT(std::string(peer.at("Path").at("Why").as_string()), HasSubstr("for 12s"));
}

TEST(Status, ShowsWhereADeviceWasHeardLast) {
  World world;
  Node device = node(2);
  device.disco_key = {};
  device.is_wireguard_only = true;
  device.online.reset();
  world.change(device);
  world.facts = {};
  world.facts.path.path.direct = {.remote = *Endpoint::parse("192.0.2.9:5"), .source = {}};
  world.facts.path.state = path::PathState::Direct;
  world.facts.last_handshake = kNow;
  StatusPeer peer = make_status_peer(world.input(), world.map.peers().at(kA));
  EXPECT_EQ(peer.cur_addr, "192.0.2.9:5");
  EXPECT_EQ(peer.last_handshake, kNow);
  EXPECT_TRUE(peer.online);
  EXPECT_EQ(world.why(), "");
  world.facts.path.state = path::PathState::Idle;
  peer = make_status_peer(world.input(), world.map.peers().at(kA));
  EXPECT_EQ(peer.cur_addr, "192.0.2.9:5");
  EXPECT_FALSE(peer.online);
  EXPECT_THAT(world.why(), HasSubstr("nothing was heard"));
}

TEST(Status, SurvivesWritingAndReading) {
  const World world;
  const Status status = make_status(world.input());
  const auto again = decode_status(encode_status(status));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, status);
  EXPECT_EQ(decode_status("{}"), Status{});
}

TEST(Status, SaysWhyAPeerIsNotReachedDirectly) {
  World world;
  EXPECT_THAT(world.why(), HasSubstr("none of the peer's 2 addresses answers"));
  world.report.mapping_varies_by_destination = true;
  EXPECT_THAT(world.why(), HasSubstr("the NAT here"));
  Node peer = node(2);
  peer.hostinfo->net_info.emplace().mapping_varies_by_dest_ip = true;
  world.change(peer);
  EXPECT_THAT(world.why(), HasSubstr("both sides"));
  world.report.mapping_varies_by_destination = false;
  EXPECT_THAT(world.why(), HasSubstr("the peer's NAT"));
  peer.endpoints.clear();
  world.change(peer);
  EXPECT_THAT(world.why(), HasSubstr("told no addresses"));
  peer.hostinfo->net_info->working_udp = false;
  world.change(peer);
  EXPECT_THAT(world.why(), HasSubstr("UDP is blocked at the peer"));
  world.report.udp = false;
  EXPECT_THAT(world.why(), HasSubstr("UDP is blocked here"));
  peer.home_derp = {};
  world.change(peer);
  EXPECT_THAT(world.why(), HasSubstr("no addresses and no relay"));
  peer.online = false;
  world.change(peer);
  EXPECT_THAT(world.why(), HasSubstr("offline"));
  peer.expired = true;
  world.change(peer);
  EXPECT_THAT(world.why(), HasSubstr("its key has expired"));
}

TEST(Status, NeedsNoReasonForADirectPath) {
  World world;
  world.facts.path.state = path::PathState::Direct;
  EXPECT_EQ(world.why(), "");
  world.facts.path.state = path::PathState::Doubt;
  EXPECT_THAT(world.why(), HasSubstr("silent"));
  world.facts.path.state = path::PathState::Idle;
  EXPECT_THAT(world.why(), HasSubstr("no packets are flowing"));
}

TEST(Status, ShowsPeopleATable) {
  World world;
  Status status = make_status(world.input());
  EXPECT_EQ(status_text(status, {.header = true}, kNow),
            "# Health check:\n"
            "#     - UDP is blocked\n"
            "\n"
            "IP          Hostname  User    OS     Status\n"
            "100.64.0.1  n1        alice@  linux  -\n"
            "100.64.0.2  n2        alice@  linux  active; relay \"one\", tx 100 rx 50, not direct "
            "for 12s: none of "
            "the peer's 2 addresses answers; looking for a direct path for 12s\n"
            "100.64.0.3  n3        alice@  linux  -\n");
  status.health.clear();
  world.facts.path.state = path::PathState::Direct;
  world.facts.path.latency = 12'340us;
  world.facts.path.path.direct =
      UdpPath{.remote = *Endpoint::parse("192.0.2.2:41641"), .source = {}};
  status = make_status(world.input());
  EXPECT_THAT(status_text(status, {.only_active = true, .with_self = false}, kNow),
              HasSubstr("active; direct 192.0.2.2:41641, tx 100 rx 50, 12.3 ms, for 12s\n"));
}

TEST(Status, ShowsWhoIsOffline) {
  World world;
  Node peer = node(3);
  peer.online = false;
  peer.last_seen = WallTime{.seconds = kNow.seconds - 7200};
  world.change(peer);
  EXPECT_THAT(status_text(make_status(world.input()), {}, kNow),
              HasSubstr("offline, last seen 2h ago\n"));
}

TEST(Status, SaysInOneLineWhyNothingRuns) {
  World world;
  EXPECT_EQ(not_running_text(make_status(world.input())), std::nullopt);
  world.prefs.want_running = false;
  EXPECT_EQ(not_running_text(make_status(world.input())), "Warren is stopped.\n");
  world.client.login = LoginState::NeedsLogin;
  world.client.link = "https://net.example.org/register/x";
  Status status = make_status(world.input());
  status.health.clear();
  EXPECT_EQ(not_running_text(status),
            "Logged out.\nLog in at: https://net.example.org/register/x\n");
  status.health = {"this machine's key has expired"};
  EXPECT_EQ(not_running_text(status),
            "Logged out.\nthis machine's key has expired\nLog in at: "
            "https://net.example.org/register/x\n");
}

TEST(Status, LetsNobodyWriteToTheTerminal) {
  World world;
  Node peer = node(3);
  peer.name.clear();
  peer.hostinfo->hostname = "\x1b[2J";
  world.change(peer);
  EXPECT_THAT(status_text(make_status(world.input()), {}, kNow), HasSubstr("\"?[2J\""));
}

TEST(BackendState, FollowsWishesServerAndMap) {
  World world;
  const auto state = [&world] { return backend_state(world.prefs, world.client, world.map); };
  EXPECT_EQ(state(), BackendState::Running);
  world.client.is_connected = false;
  EXPECT_EQ(state(), BackendState::Running) << "a lost server stops nothing";
  Node self = node(1);
  self.machine_authorized = false;
  control::MapResponse news;
  news.node = self;
  world.map.apply({.map = news, .is_first = false}, kNow);
  EXPECT_EQ(state(), BackendState::NeedsMachineAuth);
  world.map = {};
  EXPECT_EQ(state(), BackendState::Starting);
  world.prefs.want_running = false;
  EXPECT_EQ(state(), BackendState::Stopped);
  world.prefs.logged_out = true;
  EXPECT_EQ(state(), BackendState::NeedsLogin);
}

TEST(Answers, SurviveWritingAndReading) {
  PingResult ping;
  ping.ip = "n2";
  ping.node_ip = "100.64.0.2";
  ping.latency_seconds = 0.0125;
  ping.derp_region_id = {901};
  ping.derp_region_code = "one";
  EXPECT_EQ(decode_ping_result(encode_ping_result(ping)), ping);

  const NetworkMap map = network();
  const auto who = make_who_is(map, map.find(kA));
  ASSERT_TRUE(who);
  EXPECT_EQ(who->user_profile->login_name, "alice@example.org");
  EXPECT_EQ(decode_who_is(encode_who_is(*who)), *who);
  EXPECT_EQ(make_who_is(map, nullptr), std::nullopt);
}

TEST(Answers, TellWhatTheNetworkDoes) {
  path::Report report;
  report.udp = true;
  report.ipv4 = true;
  report.public_v4 = {*Endpoint::parse("198.51.100.7:41641")};
  report.latencies.push_back({.region = {901}, .v4 = 5ms, .v6 = {}, .https = {}});
  report.home = {901};
  const NetcheckAnswer answer = make_netcheck(report, kNow);
  const auto value = boost::json::parse(encode_netcheck(answer));
  EXPECT_EQ(value.at("RegionLatency").at("901").as_int64(), 5'000'000);
  EXPECT_TRUE(value.at("MappingVariesByDestIP").is_null());
  EXPECT_EQ(value.at("GlobalV4").as_string(), "198.51.100.7:41641");
  EXPECT_EQ(decode_netcheck(encode_netcheck(answer)), answer);
}

TEST(WhoIsAnswer, NamesADeviceThatAHubCarries) {
  MapNews news = testing::first_message();
  Node& hub = news.map.peers.front();
  hub.addresses.push_back(testing::prefix("100.64.0.9/32"));
  news.map.dns_config->extra_records = {
      {.name = "phone.net.example", .type = "", .value = "100.64.0.9"},
      {.name = "phone.net.example", .type = "", .value = "fd7a:115c:a1e0::9"},
      {.name = "alias.net.example", .type = "", .value = "100.64.0.2"}};
  NetworkMap map;
  map.apply(std::move(news), kNow);
  const auto device = make_who_is(map, map.find(kA), IpAddress::parse("100.64.0.9"));
  EXPECT_EQ(device->node->name, "phone.net.example");
  EXPECT_THAT(device->node->addresses,
              ::testing::ElementsAre(testing::prefix("100.64.0.9/32"),
                                     testing::prefix("fd7a:115c:a1e0::9/128")));
  const auto itself = make_who_is(map, map.find(kA), IpAddress::parse("100.64.0.2"));
  EXPECT_EQ(itself->node->name, "n2.net.example.") << "whatever names it has besides";
}

}  // namespace
}  // namespace warren::node
