#include <map>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "relay/client/client.h"
#include "relay/test_server.h"
#include "relay/testing.h"

// Our client and our server, over TLS that knows the certificate's fingerprint. Waits are for
// events, with a limit that only a failure reaches.
namespace warren::relay {
namespace {

namespace asio = boost::asio;

constexpr RegionId kRegion{900};

// A WireGuard data message, by its first bytes, with a number.
Bytes data_message(std::uint64_t number) {
  Bytes out(1400);
  out[0] = 4;
  store_le<std::uint64_t>(&out[8], number);
  return out;
}

// What a node's tunnel does with its relay client.
struct Side final : io::RelayPort::Listener {
  explicit Side(asio::io_context& loop) {
    client =
        client::Client::start(loop.get_executor(), key.clone(), {}, random, Log::nowhere()).value();
    client->attach(this, &to_worker);
  }

  ~Side() override { client->attach(nullptr, nullptr); }

  void on_relay_up(RegionId) override { ++ups; }

  void on_relay_down(RegionId) override { ++downs; }

  void on_peer_gone(const Route& peer) override { gone.push_back(peer.peer); }

  void on_relay_measured(RegionId, std::optional<Duration> latency) override { measured = latency; }

  void on_relayed(const Route& from, ByteView datagram) override {
    relayed.emplace_back(from.peer, Bytes(datagram.begin(), datagram.end()));
  }

  void drain() {
    to_worker.consume();
    while (const auto entry = client->rings().inbound.next()) {
      if (load_le<std::uint64_t>(&entry->datagram[8]) == in_order) ++in_order;
    }
    client->rings().inbound.release();
  }

  SystemRandom random;
  NodePrivateKey key = NodePrivateKey::generate(random);
  NodePublicKey name = key.public_key();
  io::EventFd to_worker = io::EventFd::create().value();
  std::unique_ptr<client::Client> client;
  int ups = 0;
  int downs = 0;
  std::vector<NodePublicKey> gone;
  std::optional<Duration> measured;
  std::vector<std::pair<NodePublicKey, Bytes>> relayed;
  std::uint64_t in_order = 0;
};

class ServerWithClient : public testing::Test {
 protected:
  ServerWithClient() {
    auto map = std::make_shared<Map>();
    auto& region = map->regions.emplace_back();
    region.id = kRegion;
    region.nodes.push_back(server.node("relay"));
    for (Side* const side : {&*a, &*b}) {
      side->client->set_map(map);
      side->client->set_home(kRegion);
    }
    EXPECT_TRUE(until([&] { return a->ups == 1 && b->ups == 1; }));
  }

  template <class Predicate>
  [[nodiscard]] bool until(Predicate is_so) {
    const TimePoint limit = io::boot_now() + 20s;
    while (!is_so()) {
      if (io::boot_now() > limit) return false;
      if (a) a->drain();
      if (b) b->drain();
      loop.restart();
      loop.run_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  HubCounters counters() {
    return server.call([](Server& it) { return it.service().hub().counters(); });
  }

  TestServer server{ServerOptions{}};
  asio::io_context loop;
  std::optional<Side> a{std::in_place, loop};
  std::optional<Side> b{std::in_place, loop};
};

TEST_F(ServerWithClient, CarriesProbesAndABulkOfDataInOrder) {
  a->client->send({kRegion, b->name}, fake_disco(1));
  ASSERT_TRUE(until([&] { return b->relayed.size() == 1; }));
  EXPECT_EQ(b->relayed[0], std::pair(a->name, fake_disco(1)));
  constexpr std::uint64_t kPackets = 5000;
  std::uint64_t pushed = 0;
  EXPECT_TRUE(until([&] {
    for (; pushed < kPackets && pushed - b->in_order < 100; ++pushed) {
      if (!a->client->rings().outbound.push({kRegion, b->name}, data_message(pushed))) break;
    }
    a->client->to_relay().signal();
    return b->in_order == kPackets;
  }));
  EXPECT_EQ(counters().data.overflow, 0U);
}

TEST_F(ServerWithClient, TellsOfPeersThatAreGoneOrNotHere) {
  b->client->send({kRegion, a->name}, fake_disco(1));
  ASSERT_TRUE(until([&] { return a->relayed.size() == 1; }));
  const NodePublicKey left = b->name;
  b.reset();
  ASSERT_TRUE(until([&] { return a->gone.size() == 1; }));
  EXPECT_EQ(a->gone[0], left);
  a->client->send({kRegion, left}, fake_disco(1));
  ASSERT_TRUE(until([&] { return a->gone.size() == 2; }));
}

TEST_F(ServerWithClient, MeasuresTheRegionOverHttps) {
  a->client->measure(kRegion);
  ASSERT_TRUE(until([&] { return a->measured.has_value(); }));
}

TEST_F(ServerWithClient, ComesBackAfterARestart) {
  server.stop();
  ASSERT_TRUE(until([&] { return a->downs == 1 && b->downs == 1; }));
  server.start();
  ASSERT_TRUE(until([&] { return a->ups == 2 && b->ups == 2; }));
  a->client->send({kRegion, b->name}, fake_disco(1));
  ASSERT_TRUE(until([&] { return b->relayed.size() == 1; }));
}

TEST_F(ServerWithClient, ComesBackWhenItIsAMemberAgain) {
  server.set_members({b->name});
  ASSERT_TRUE(until([&] { return a->downs == 1; }));
  ASSERT_TRUE(until(
      [&] { return counters().closed[static_cast<std::size_t>(CloseReason::NotAdmitted)] >= 2; }));
  EXPECT_EQ(b->downs, 0);
  server.set_members({a->name, b->name});
  ASSERT_TRUE(until([&] {
    a->client->send({kRegion, b->name}, fake_disco(1));
    return !b->relayed.empty();
  }));
}

}  // namespace
}  // namespace warren::relay
