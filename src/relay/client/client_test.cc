#include "relay/client/client.h"

#include <algorithm>
#include <deque>
#include <map>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "relay/client/constants.h"
#include "relay/client/testing/scripted_relay.h"
#include "relay/client/testing/test_relay.h"

// The client's thread against a relay on loopback. Waits are for events, with a limit that only a
// failure reaches.
namespace warren::relay::client {
namespace {

namespace asio = boost::asio;
using testing::Bytes;
using ::testing::HasSubstr;
using testing::TestRelay;

constexpr RegionId kFirst{1};
constexpr RegionId kSecond{2};

Bytes data_message(std::size_t size, std::uint8_t fill) {
  Bytes out(size, fill);
  std::fill_n(out.begin(), 4, std::uint8_t{0});
  out[0] = 4;
  return out;
}

Bytes disco_message(std::uint8_t fill) {
  return testing::join(Bytes{0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac}, Bytes(100, fill));
}

std::shared_ptr<const Map> map_of(const std::vector<std::pair<RegionId, Node>>& nodes) {
  auto out = std::make_shared<Map>();
  for (const auto& [id, node] : nodes) out->regions.push_back(testing::region(id.value, {node}));
  return out;
}

// A node: its client, what a worker would do, and what its control strand heard.
struct Side final : io::RelayPort::Listener {
  explicit Side(asio::io_context& loop)
      : key(NodePrivateKey::generate(random)),
        public_key(key.public_key()),
        client(Client::start(loop.get_executor(), key.clone(), options(), random, Log::nowhere())
                   .value()) {
    client->attach(this, &to_worker);
  }

  ~Side() override { client->attach(nullptr, nullptr); }

  Options options() {
    return {.mark = 0, .on_failure = [this](RegionId, const Error& error) {
              failures.push_back(error.detail);
            }};
  }

  void on_relay_up(RegionId region) override { ++ups[region]; }

  void on_relay_down(RegionId region) override { ++downs[region]; }

  void on_peer_gone(const Route& peer) override { gone.push_back(peer); }

  void on_relay_measured(RegionId region, std::optional<Duration> latency) override {
    measured[region] = latency;
  }

  void on_relayed(const Route& from, ByteView datagram) override {
    relayed.emplace_back(from, Bytes(datagram.begin(), datagram.end()));
  }

  bool push(const Route& to, ByteView datagram) {
    const bool pushed = client->rings().outbound.push(to, datagram);
    client->to_relay().signal();
    return pushed;
  }

  // What a worker would open.
  std::size_t drain() {
    to_worker.consume();
    std::size_t count = 0;
    for (; const auto entry = client->rings().inbound.next(); ++count) {
      last_from = entry->route;
      last_data.assign(entry->datagram.begin(), entry->datagram.end());
      if (entry->datagram.size() >= 16 && load_le<std::uint64_t>(&entry->datagram[8]) == in_order) {
        ++in_order;
      }
    }
    client->rings().inbound.release();
    received += count;
    return count;
  }

  SystemRandom random;
  NodePrivateKey key;
  NodePublicKey public_key;
  io::EventFd to_worker = io::EventFd::create().value();
  std::map<RegionId, int> ups;
  std::map<RegionId, int> downs;
  std::map<RegionId, std::optional<Duration>> measured;
  std::vector<Route> gone;
  std::vector<std::pair<Route, Bytes>> relayed;
  std::vector<std::string> failures;
  Route last_from;
  Bytes last_data;
  std::size_t received = 0;
  std::uint64_t in_order = 0;  // data messages numbered as WireGuard does, from 0
  std::unique_ptr<Client> client;
};

struct RelayClientTest : ::testing::Test {
  // Runs the control strand and the workers until it is so.
  template <class Predicate>
  [[nodiscard]] bool until(Predicate is_so) {
    const TimePoint limit = io::boot_now() + 20s;
    while (!is_so()) {
      if (io::boot_now() > limit) return false;
      a.drain();
      b.drain();
      loop.restart();
      loop.run_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  ClientCounters counters_of(Side& side) {
    std::optional<ClientCounters> out;
    side.client->read_counters([&](const ClientCounters& seen) { out = seen; });
    EXPECT_TRUE(until([&] { return out.has_value(); }));
    return out.value_or(ClientCounters{});
  }

  void both_home_at(const TestRelay& relay) {
    for (Side* const side : {&a, &b}) {
      side->client->set_map(map_of({{kFirst, relay.node("first")}}));
      side->client->set_home(kFirst);
    }
    ASSERT_TRUE(until([&] { return a.ups[kFirst] == 1 && b.ups[kFirst] == 1; }))
        << (a.failures.empty() ? "" : a.failures.back());
  }

  asio::io_context loop;
  Side a{loop};
  Side b{loop};
};

TEST_F(RelayClientTest, CarriesDataThroughTheRingsAndTheRestToTheListener) {
  TestRelay relay;
  both_home_at(relay);
  EXPECT_EQ(relay.fast_logins(), 2U);
  ASSERT_TRUE(until([&] { return relay.homes() == 2; }));

  const Bytes data = data_message(1452, 9);
  EXPECT_TRUE(a.push({kFirst, b.public_key}, data));
  ASSERT_TRUE(until([&] { return b.received == 1; }));
  EXPECT_EQ(b.last_data, data);
  EXPECT_EQ(b.last_from, (Route{kFirst, a.public_key}));
  EXPECT_TRUE(b.push({kFirst, a.public_key}, data_message(32, 1)));
  ASSERT_TRUE(until([&] { return a.received == 1; }));

  a.client->send({kFirst, b.public_key}, disco_message(5));
  ASSERT_TRUE(until([&] { return b.relayed.size() == 1; }));
  EXPECT_EQ(b.relayed[0].first, (Route{kFirst, a.public_key}));
  EXPECT_EQ(b.relayed[0].second, disco_message(5));
  EXPECT_EQ(b.received, 1U);
}

TEST_F(RelayClientTest, LogsInWithoutFastStart) {
  TestRelay without({.fast_start = false});
  TestRelay old({.tls_version = TLS1_2_VERSION});  // shows a key, but in the clear
  a.client->set_map(map_of({{kFirst, without.node("w")}, {kSecond, old.node("o")}}));
  a.client->set_home(kFirst);
  a.client->send({kSecond, b.public_key}, disco_message(1));
  ASSERT_TRUE(until([&] { return a.ups[kFirst] == 1 && a.ups[kSecond] == 1; }));
  ASSERT_TRUE(until([&] { return a.gone.size() == 1; }));  // what waited went out, to nobody
  EXPECT_EQ(a.gone[0], (Route{kSecond, b.public_key}));
  EXPECT_EQ(without.fast_logins() + old.fast_logins(), 0U);
}

TEST_F(RelayClientTest, DeliversEveryPacketOfABulkInOrder) {
  TestRelay relay;
  both_home_at(relay);
  constexpr std::size_t kPackets = 5000;
  std::size_t pushed = 0;
  ASSERT_TRUE(until([&] {
    // Never more under way than a region's queue holds.
    for (; pushed < kPackets && pushed - b.in_order < 100; ++pushed) {
      Bytes data = data_message(1400, 0);
      store_le<std::uint64_t>(&data[8], pushed);
      if (!a.client->rings().outbound.push({kFirst, b.public_key}, data)) break;
    }
    a.client->to_relay().signal();
    return b.in_order == kPackets;
  }));
  const ClientCounters seen = counters_of(a);
  EXPECT_EQ(seen.loop.packets_sent, kPackets);
  EXPECT_LT(seen.loop.records_sent, kPackets);
}

TEST_F(RelayClientTest, ComesBackAfterTheRelayRestarted) {
  const auto key = io::testing::make_key();
  const auto certificate = io::testing::make_certificate(key.get(), {});
  TestRelay::Options options{.certificate = certificate.get(), .key = key.get()};
  auto relay = std::make_unique<TestRelay>(options);
  options.port = relay->port();
  both_home_at(*relay);
  relay.reset();
  ASSERT_TRUE(until([&] { return a.downs[kFirst] == 1 && b.downs[kFirst] == 1; }));
  relay = std::make_unique<TestRelay>(options);
  ASSERT_TRUE(until([&] { return a.ups[kFirst] == 2 && b.ups[kFirst] == 2; }));
  a.push({kFirst, b.public_key}, data_message(100, 1));
  ASSERT_TRUE(until([&] { return b.received == 1; }));
}

TEST_F(RelayClientTest, RefusesARelayWithAnotherCertificateAndSaysWhy) {
  TestRelay relay;
  Node wrong = relay.node("wrong");
  wrong.cert_name = "sha256-raw:" + std::string(64, 'a');
  a.client->set_map(map_of({{kFirst, wrong}}));
  a.client->set_home(kFirst);
  ASSERT_TRUE(until([&] { return !a.failures.empty(); }));
  EXPECT_THAT(a.failures[0],
              HasSubstr("relay wrong: TLS handshake: its certificate is not the pinned one"));
  ASSERT_TRUE(until([&] { return counters_of(a).engine.connects >= 3; }));
  EXPECT_EQ(a.failures.size(), 1U);  // said once
  EXPECT_EQ(relay.logins(), 0U);
}

TEST_F(RelayClientTest, SaysOnceThatARelayDoesNotAdmitIt) {
  TestRelay relay({.admits = false});
  a.client->set_map(map_of({{kFirst, relay.node("strict")}}));
  a.client->set_home(kFirst);
  ASSERT_TRUE(until([&] { return counters_of(a).engine.refused_logins >= 3; }));
  ASSERT_EQ(a.failures.size(), 1U);
  EXPECT_THAT(a.failures[0], HasSubstr("is this node's key admitted there?"));
}

TEST_F(RelayClientTest, CheckFindsADeadConnection) {
  TestRelay relay;
  both_home_at(relay);
  a.client->check(kFirst);
  ASSERT_TRUE(until([&] { return counters_of(a).engine.pings == 1; }));
  relay.pause();
  a.client->check(kFirst);
  ASSERT_TRUE(until([&] { return a.downs[kFirst] == 1; }));
  EXPECT_EQ(counters_of(a).engine.declared_dead, 1U);
  EXPECT_EQ(b.downs[kFirst], 0);  // nobody asked, and nothing was sent
  relay.resume();
  ASSERT_TRUE(until([&] { return a.ups[kFirst] == 2; }));
}

TEST_F(RelayClientTest, ChecksThatFollowEachOtherLeaveItsTimerRunning) {
  TestRelay relay;
  both_home_at(relay);
  a.client->check(kFirst);
  a.client->check(kFirst);  // before the first is answered
  ASSERT_TRUE(until([&] { return counters_of(a).engine.pings == 2; }));
  relay.pause();
  a.client->check(kFirst);
  ASSERT_TRUE(until([&] { return a.downs[kFirst] == 1; }));
}

TEST_F(RelayClientTest, AStalledRegionDoesNotHoldUpAnother) {
  TestRelay stalled;
  TestRelay healthy;
  const auto map = map_of({{kFirst, healthy.node("h")}, {kSecond, stalled.node("s")}});
  for (Side* const side : {&a, &b}) {
    side->client->set_map(map);
    side->client->set_home(kFirst);
    side->client->send({kSecond, side->public_key}, disco_message(1));
  }
  ASSERT_TRUE(
      until([&] { return b.ups[kFirst] == 1 && a.ups[kFirst] == 1 && a.ups[kSecond] == 1; }));
  stalled.pause();
  std::size_t pushed = 0;
  ASSERT_TRUE(until([&] {
    for (int i = 0; i < 200; ++i) a.push({kSecond, b.public_key}, data_message(1400, 1));
    if (a.push({kFirst, b.public_key}, data_message(1400, 2))) ++pushed;
    return b.received >= 500;
  }));
  const ClientCounters seen = counters_of(a);
  EXPECT_GT(seen.loop.queue_full + seen.loop.not_connected, 0U);
  EXPECT_GE(pushed, 500U);
  EXPECT_EQ(a.downs[kFirst], 0);
}

TEST_F(RelayClientTest, MeasuresARegionAndSaysWhenItCannotBeReached) {
  TestRelay relay;
  std::uint16_t closed_port = 0;
  {
    const TestRelay gone;
    closed_port = gone.port();
  }
  Node closed = relay.node("closed");
  closed.relay_port = closed_port;
  a.client->set_map(map_of({{kFirst, relay.node("first")}, {kSecond, closed}}));
  a.client->measure(kFirst);
  a.client->measure(kSecond);
  a.client->measure(RegionId{77});
  ASSERT_TRUE(until([&] { return a.measured.size() == 3; }));
  EXPECT_GT(a.measured[kFirst].value_or(0ns), 0ns);
  EXPECT_FALSE(a.measured[kSecond]);
  EXPECT_FALSE(a.measured[RegionId{77}]);
  EXPECT_EQ(relay.logins(), 0U);
}

TEST_F(RelayClientTest, CountsPacketsToRegionsThatDoNotExist) {
  a.push({RegionId{9}, b.public_key}, data_message(100, 1));
  ASSERT_TRUE(until([&] { return counters_of(a).loop.no_region == 1; }));
}

TEST_F(RelayClientTest, KeepsItsConnectionsWhenTheNetworkChangedElsewhere) {
  TestRelay relay;
  both_home_at(relay);
  a.client->on_network_change();
  ASSERT_TRUE(until([&] { return counters_of(a).engine.pings == 1; }));
  a.push({kFirst, b.public_key}, data_message(100, 1));
  ASSERT_TRUE(until([&] { return b.received == 1; }));
  EXPECT_EQ(a.downs[kFirst], 0);
}

TEST_F(RelayClientTest, MayBeDestroyedInTheMiddleOfEverything) {
  TestRelay relay;
  for (int i = 0; i < 20; ++i) {
    Side side(loop);
    side.client->set_map(map_of({{kFirst, relay.node("first")}}));
    side.client->set_home(kFirst);
    side.client->measure(kFirst);
    for (int j = 0; j < i * 10; ++j) {
      side.push({kFirst, side.public_key}, data_message(1000, 1));
      side.client->send({kFirst, side.public_key}, disco_message(1));
    }
    loop.restart();
    loop.run_for(std::chrono::milliseconds(i));
  }
  loop.restart();
  loop.poll();
}

}  // namespace
}  // namespace warren::relay::client
