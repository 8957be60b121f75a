#include "tunnel/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tunnel/control.h"
#include "tunnel/testing/fakes.h"
#include "tunnel/testing/pair.h"

namespace warren::tunnel {
namespace {

using ::testing::IsEmpty;
using testing::Pair;
using ::testing::SizeIs;

TEST(Worker, CarriesPacketsBothWaysAfterAHandshake) {
  Pair pair;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_THAT(pair.b.tun.take(), SizeIs(10 + 20 + 8 + 100));
  pair.b.tun.put(testing::udp_packet(pair.b, pair.a, 1200));
  pair.settle();
  EXPECT_THAT(pair.a.tun.take(), SizeIs(10 + 20 + 8 + 1200));
  EXPECT_EQ(pair.a.control.engine().counters().handshakes_completed, 1U);
}

TEST(Worker, DeliversStagedPacketsInOrder) {
  Pair pair;
  for (std::size_t size = 1; size <= 5; ++size)
    pair.a.tun.put(testing::udp_packet(pair.a, pair.b, size));
  pair.settle();
  for (std::size_t size = 1; size <= 5; ++size)
    EXPECT_THAT(pair.b.tun.take(), SizeIs(10 + 28 + size));
}

TEST(Worker, SendsASuperPacketAsOneMessageAndWritesItAsOne) {
  Pair pair;
  pair.connect();
  const std::size_t sent = pair.a.udp->sent;
  const auto packet = testing::tcp_super_packet(pair.a, pair.b, 40'000, 1'368);
  pair.a.tun.put(packet);
  pair.settle();
  EXPECT_EQ(pair.a.udp->sent - sent, 1U);
  const auto received = pair.b.tun.take();
  ASSERT_THAT(received, SizeIs(packet.size()));
  // Payloads equal; headers were rebuilt.
  EXPECT_TRUE(std::equal(received.end() - 40'000, received.end(), packet.end() - 40'000));
  EXPECT_THAT(pair.b.tun.take(), IsEmpty());
}

TEST(Worker, WritesPacketsApartWhenTheKernelRefusesMergedOnes) {
  Pair pair;
  pair.connect();
  pair.b.tun.refuse_merged = true;
  for (int round = 0; round < 2; ++round) {
    pair.a.tun.put(testing::tcp_super_packet(pair.a, pair.b, 4'000, 1'000));
    pair.settle();
    for (int i = 0; i < 4; ++i) EXPECT_THAT(pair.b.tun.take(), SizeIs(10 + 40 + 1'000));
    EXPECT_THAT(pair.b.tun.take(), IsEmpty());
  }
}

TEST(Worker, CountsWhatItDrops) {
  Pair pair;
  pair.connect();
  const std::vector<std::uint8_t> garbage(50, 0x45);
  pair.a.tun.put(garbage);
  auto stranger = testing::udp_packet(pair.a, pair.b, 10);
  stranger[10 + 16] = 9;  // a destination nobody has
  pair.a.tun.put(stranger);
  pair.settle();
  EXPECT_EQ(pair.a.drops(DropReason::TunBadHeader), 1U);
  EXPECT_EQ(pair.a.drops(DropReason::NoPeer), 1U);

  auto spoofed = testing::udp_packet(pair.a, pair.b, 10);
  spoofed[10 + 12] = 9;  // a source that is not ours
  pair.a.tun.put(spoofed);
  pair.settle();
  EXPECT_EQ(pair.b.drops(DropReason::InnerSource), 1U);
  EXPECT_THAT(pair.b.tun.take(), IsEmpty());
}

TEST(Worker, RefusesReplayedForgedAndUnknownDatagrams) {
  Pair pair;
  pair.connect();
  pair.network.record = true;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 64));
  pair.settle();
  ASSERT_THAT(pair.network.recorded, SizeIs(1));
  const auto datagram = pair.network.recorded[0];
  pair.network.record = false;
  pair.b.tun.discard();

  pair.inject(pair.b, datagram);
  EXPECT_EQ(pair.b.drops(DropReason::RxReplay), 1U);
  auto forged = datagram;
  forged[20] ^= 1;
  pair.inject(pair.b, forged);
  EXPECT_EQ(pair.b.drops(DropReason::RxAuth), 1U);
  auto unknown = datagram;
  unknown[4] ^= 1;
  pair.inject(pair.b, unknown);
  EXPECT_EQ(pair.b.drops(DropReason::RxIndex), 1U);
  pair.inject(pair.b, std::vector<std::uint8_t>{7});  // the tail of stock senders
  EXPECT_EQ(pair.b.drops(DropReason::RxRunt), 1U);
  pair.inject(pair.b, std::vector<std::uint8_t>(148, 1));
  EXPECT_EQ(pair.b.drops(DropReason::RxUnknown), 1U);
  EXPECT_THAT(pair.b.tun.take(), IsEmpty());
}

TEST(Worker, SendsUnderAFreshKeyBeforeTheOldOneIsRefused) {
  Pair pair;
  pair.connect();
  for (int second = 0; second < 400; ++second) {
    pair.clock.advance(1s);
    pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 50));
    pair.settle();
    ASSERT_EQ(pair.b.tun.discard(), 1U) << "second " << second;
  }
  EXPECT_GE(pair.a.control.engine().counters().handshakes_completed, 3U);
}

TEST(Worker, FollowsAPeerToItsNewAddress) {
  Pair pair;
  pair.connect();
  pair.a.move_to("192.0.2.77", 7777);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 50));
  pair.settle();
  EXPECT_EQ(pair.b.tun.discard(), 1U);
  pair.b.tun.put(testing::udp_packet(pair.b, pair.a, 50));
  pair.settle();
  EXPECT_EQ(pair.a.tun.discard(), 1U);
  EXPECT_EQ(pair.b.control.engine().status(pair.b.peer).endpoint->to_string(), "192.0.2.77:7777");
}

TEST(Worker, ReportsADeviceThatIsGone) {
  Pair pair;
  std::optional<Error> failure;
  pair.a.control.observe(
      {.handshake_given_up = {}, .failed = [&](const Error& error) { failure = error; }});
  pair.a.tun.error = EBADFD;
  pair.settle();
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->detail, ::testing::HasSubstr("TUN"));
}

TEST(Worker, HandsCookieRepliesToTheEngine) {
  Pair pair;
  // A reply to nothing of ours, which only the engine can tell.
  pair.inject(pair.b, wireguard::encode(wireguard::CookieReply{}));
  EXPECT_EQ(pair.b.control.engine().counters().unknown_index, 1U);
  EXPECT_EQ(pair.b.drops(DropReason::RxUnknown), 0U);
}

TEST(Worker, ForgetsStagedPacketsOfARemovedPeer) {
  Pair pair;
  pair.network.cut = true;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 50));
  pair.settle();
  pair.a.control.configure([&](wg::Engine& engine, TimePoint now,
                               wg::Actions& out) { engine.remove_peer(pair.a.peer, now, out); },
                           pair.clock.now());
  pair.settle();
  EXPECT_EQ(pair.a.drops(DropReason::NoKey), 1U);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 50));
  pair.settle();
  EXPECT_EQ(pair.a.drops(DropReason::NoPeer), 1U);
}

}  // namespace
}  // namespace warren::tunnel
