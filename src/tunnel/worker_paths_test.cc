#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tunnel/testing/mesh_pair.h"

// The packet path where paths are managed: which way packets go, and what comes in besides.
namespace warren::tunnel {
namespace {

using ::testing::IsEmpty;
using testing::MeshPair;
using ::testing::SizeIs;
using Bytes = std::vector<std::uint8_t>;

std::uint64_t count(const testing::Side& side, Counter counter) {
  CounterSnapshot sum;
  side.counters.add_to(sum);
  return sum[counter];
}

// Looks like a disco frame; its sender is nobody.
Bytes disco_frame(std::size_t size) {
  Bytes out(size, 0x11);
  const Bytes magic = {0x54, 0x53, 0xF0, 0x9F, 0x92, 0xAC};
  std::ranges::copy(magic, out.begin());
  return out;
}

// Looks like an answer to a STUN request that nobody sent.
Bytes stun_answer() {
  Bytes out(32);
  const Bytes header = {0x01, 0x01, 0x00, 0x0C, 0x21, 0x12, 0xA4, 0x42};
  std::ranges::copy(header, out.begin());
  const Bytes attribute = {0x00, 0x20, 0x00, 0x08, 0x00, 0x01};
  std::ranges::copy(attribute, out.begin() + 20);
  return out;
}

TEST(WorkerPaths, CarryPacketsThroughTheRelay) {
  MeshPair pair;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_THAT(pair.b.tun.take(), SizeIs(10 + 28 + 100));
  pair.b.tun.put(testing::udp_packet(pair.b, pair.a, 200));
  pair.settle();
  EXPECT_THAT(pair.a.tun.take(), SizeIs(10 + 28 + 200));
  EXPECT_EQ(pair.a.udp->sent + pair.b.udp->sent, 0U);
  EXPECT_GE(count(pair.a, Counter::RelayDatagramsSent), 1U);
  EXPECT_EQ(count(pair.b, Counter::RelayDatagramsReceived),
            count(pair.a, Counter::RelayDatagramsSent));
}

TEST(WorkerPaths, SendASuperPacketToTheRelayInPiecesAndWriteItAsOne) {
  MeshPair pair;
  pair.connect();
  pair.relay_a.to_relay().consume();
  const auto packet = testing::tcp_super_packet(pair.a, pair.b, 40'000, 1'368);
  const std::uint64_t before = count(pair.a, Counter::RelayDatagramsSent);
  pair.a.tun.put(packet);
  pair.a.worker->round();
  EXPECT_EQ(count(pair.a, Counter::RelayDatagramsSent) - before, 30U);
  EXPECT_TRUE(pair.relay_a.to_relay().consume());
  pair.settle();
  const auto received = pair.b.tun.take();
  ASSERT_THAT(received, SizeIs(packet.size()));
  EXPECT_TRUE(std::equal(received.end() - 40'000, received.end(), packet.end() - 40'000));
  EXPECT_THAT(pair.b.tun.take(), IsEmpty());
}

TEST(WorkerPaths, SendDirectOnlyOverADirectPath) {
  MeshPair pair;
  pair.connect();
  pair.set_path(pair.a, {.direct = MeshPair::direct_to(pair.b), .relay = std::nullopt});
  const std::uint64_t relayed = count(pair.a, Counter::RelayDatagramsSent);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_EQ(pair.a.udp->sent, 1U);
  EXPECT_EQ(count(pair.a, Counter::RelayDatagramsSent), relayed);
  EXPECT_EQ(pair.b.tun.discard(), 1U);
}

TEST(WorkerPaths, SendBothWaysInDoubtAndDeliverOnce) {
  MeshPair pair;
  pair.connect();
  pair.set_path(pair.a,
                {.direct = MeshPair::direct_to(pair.b), .relay = MeshPair::relayed_to(pair.b)});
  const std::uint64_t relayed = count(pair.a, Counter::RelayDatagramsSent);
  pair.a.tun.put(testing::tcp_super_packet(pair.a, pair.b, 10'000, 1'000));
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_EQ(count(pair.a, Counter::RelayDatagramsSent) - relayed, 11U);
  EXPECT_EQ(pair.b.drops(DropReason::RxReplay), 11U);
  EXPECT_EQ(pair.b.tun.discard(), 2U);
}

TEST(WorkerPaths, ASidesPathDoesNotFollowWhatComesIn) {
  MeshPair pair;
  pair.connect();
  pair.set_path(pair.a, {.direct = MeshPair::direct_to(pair.b), .relay = std::nullopt});
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_EQ(pair.b.tun.discard(), 1U);
  EXPECT_EQ(pair.b.control.engine().status(pair.b.peer).endpoint, std::nullopt);
}

TEST(WorkerPaths, AreProvenOnlyByWhatComesOverThem) {
  MeshPair pair;
  pair.connect();
  const wg::Activity& activity = pair.b.control.engine().data_peer(pair.b.peer).activity;
  EXPECT_EQ(activity.direct_received.get(), wg::Stamp::kNone);
  pair.set_path(pair.b, {.direct = MeshPair::direct_to(pair.a), .relay = std::nullopt});
  pair.clock.advance(1s);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.a.worker->round();
  pair.carry_data(pair.a);
  pair.b.worker->round();
  EXPECT_EQ(activity.relayed_by, testing::kRegion.value);
  EXPECT_EQ(activity.data_received.get(), pair.clock.now());
  EXPECT_EQ(activity.direct_received.get(), wg::Stamp::kNone);

  pair.set_path(pair.a, {.direct = MeshPair::direct_to(pair.b), .relay = std::nullopt});
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_EQ(activity.direct_received.get(), pair.clock.now());
  EXPECT_EQ(activity.relayed_by, 0);  // control knows
}

TEST(WorkerPaths, TellOfDataForNoKeyNotMoreThanOnceInTenMilliseconds) {
  MeshPair pair;
  pair.connect();
  const auto& events = pair.b.control.link().events;
  Bytes data(64);
  data[0] = 4;
  pair.clock.advance(1s);
  for (int i = 0; i < 30; ++i) pair.inject(pair.b, data);
  pair.relay_b.rings().inbound.push(MeshPair::relayed_to(pair.a), data);
  for (int i = 0; i < 10; ++i) pair.b.worker->round();
  EXPECT_EQ(pair.b.drops(DropReason::RxIndex), 31U);
  EXPECT_EQ(events.size(), 1U);
  pair.clock.advance(10ms);
  pair.relay_b.rings().inbound.push(MeshPair::relayed_to(pair.a), data);
  pair.b.worker->round();
  EXPECT_EQ(events.size(), 2U);
}

TEST(WorkerPaths, CountWhatTheRelayClientHasNoRoomFor) {
  MeshPair pair;
  pair.connect();
  pair.relay_is_down = true;
  for (int i = 0; i < 40; ++i) {
    pair.a.tun.put(testing::tcp_super_packet(pair.a, pair.b, 60'000, 1'368));
    pair.a.worker->round();
  }
  EXPECT_GT(pair.a.drops(DropReason::RelayFull), 0U);
  EXPECT_LE(pair.relay_a.rings().outbound.used(), io::RelayRings::kBytes);
}

TEST(WorkerPaths, CountPacketsWithoutAnyWayAndTellThatTheyWereWanted) {
  MeshPair pair;
  pair.connect();
  pair.set_path(pair.a, {});
  pair.clock.advance(1s);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_EQ(pair.a.drops(DropReason::PathNone), 1U);
  const wg::Activity& activity = pair.a.control.engine().data_peer(pair.a.peer).activity;
  EXPECT_EQ(activity.data_sent.get(), pair.clock.now());
}

TEST(WorkerPaths, RefuseForgedAndReplayedDatagramsFromARelay) {
  MeshPair pair;
  pair.connect();
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 64));
  pair.a.worker->round();
  const auto entry = pair.relay_a.rings().outbound.next();
  ASSERT_TRUE(entry);
  const Bytes datagram(entry->datagram.begin(), entry->datagram.end());
  pair.relay_a.rings().outbound.release();
  io::DatagramRing& inbound = pair.relay_b.rings().inbound;
  Bytes forged = datagram;
  forged.back() ^= 1;
  for (const Bytes& bytes : {datagram, datagram, forged, Bytes(5), Bytes(148, 1)})
    ASSERT_TRUE(inbound.push(MeshPair::relayed_to(pair.a), bytes));
  pair.settle();
  EXPECT_EQ(pair.b.tun.discard(), 1U);
  EXPECT_EQ(pair.b.drops(DropReason::RxReplay), 1U);
  EXPECT_EQ(pair.b.drops(DropReason::RxAuth), 1U);
  EXPECT_EQ(pair.b.drops(DropReason::RxUnknown), 2U);
  EXPECT_EQ(inbound.used(), 0U);
}

TEST(WorkerPaths, TakeABoundedShareOfTheRelayInARound) {
  MeshPair pair;
  pair.connect();
  io::DatagramRing& inbound = pair.relay_b.rings().inbound;
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(inbound.push(MeshPair::relayed_to(pair.a), Bytes(64, 1)));
  const std::uint64_t before = count(pair.b, Counter::RelayDatagramsReceived);
  EXPECT_TRUE(pair.b.worker->round());
  EXPECT_EQ(count(pair.b, Counter::RelayDatagramsReceived) - before, 256U);
  EXPECT_GT(inbound.used(), 0U);
}

TEST(WorkerPaths, HandStunAndDiscoToControl) {
  MeshPair pair;
  pair.inject(pair.b, stun_answer());
  pair.inject(pair.b, disco_frame(124));
  pair.settle();
  const path::Counters counters = pair.b.control.paths()->counters().path;
  EXPECT_EQ(counters.unknown_answer, 1U);
  EXPECT_EQ(counters.unknown_sender, 1U);
  EXPECT_EQ(pair.b.drops(DropReason::RxUnknown), 0U);
}

TEST(WorkerPaths, StunAndDiscoAreUnknownToPlainWireGuard) {
  testing::Pair pair;
  pair.inject(pair.b, stun_answer());
  pair.inject(pair.b, disco_frame(124));
  EXPECT_EQ(pair.b.drops(DropReason::RxUnknown), 2U);
}

TEST(WorkerPaths, RefusePingsThatArePaddedBeyondMeasure) {
  MeshPair pair;
  pair.inject(pair.b, disco_frame(2048));
  pair.inject(pair.b, disco_frame(2049));
  pair.settle();
  EXPECT_EQ(pair.b.drops(DropReason::PathTooLarge), 1U);
  EXPECT_EQ(pair.b.control.paths()->counters().path.unknown_sender, 1U);
}

TEST(WorkerPaths, FloodsOfProbesAreCountedAndDelayNoData) {
  MeshPair pair;
  pair.connect();
  pair.set_path(pair.a, {.direct = MeshPair::direct_to(pair.b), .relay = std::nullopt});
  // Control does not come to it, and the worker goes on.
  for (int i = 0; i < 300; ++i) {
    pair.inject(pair.b, disco_frame(124));
    pair.b.worker->round();
  }
  EXPECT_EQ(pair.b.drops(DropReason::PathFull), 300U - 256U);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.a.worker->round();
  pair.b.worker->round();
  EXPECT_EQ(pair.b.tun.discard(), 1U);
  pair.settle();
  EXPECT_EQ(pair.b.control.paths()->counters().path.unknown_sender, 256U);
}

TEST(WorkerPaths, RefuseHandshakesThatPretendToBeRelayed) {
  MeshPair pair;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.a.worker->round();
  pair.a.control.on_worker(pair.clock.now());
  const auto sent = std::ranges::find_if(
      pair.relay_a.sent, [](const auto& message) { return message.second.front() == 1; });
  ASSERT_NE(sent, pair.relay_a.sent.end());
  // From an address that only relayed messages are said to be from.
  sockaddr_in6 pretended{};
  pretended.sin6_family = AF_INET6;
  pretended.sin6_port = htons(testing::kRegion.value);
  inet_pton(AF_INET6, "100::1", &pretended.sin6_addr);
  MeshPair::inject(pair.b, pretended, sent->second);
  pair.b.worker->round();
  pair.b.control.on_worker(pair.clock.now());
  EXPECT_EQ(pair.b.drops(DropReason::RxUnknown), 1U);
  EXPECT_THAT(pair.relay_b.sent, IsEmpty());
}

}  // namespace
}  // namespace warren::tunnel
