#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"
#include "policy/filter.h"
#include "tunnel/testing/packets.h"
#include "tunnel/testing/pair.h"

namespace warren::tunnel {
namespace {

using testing::Pair;
using testing::Side;

// Lets peers send UDP to `ports` of the side.
std::shared_ptr<const policy::Filter> filter_of(const Side& side, policy::PortRange ports) {
  policy::FilterConfig config;
  config.rules.rules = {{.sources = {policy::AddressRange::all(false)},
                         .destinations = {{policy::AddressRange::all(false), ports}},
                         .protocols = {ip::protocol::kUdp}}};
  config.addresses = {side.inner};
  return *policy::Filter::create(config);
}

constexpr policy::PortRange kOpen{.first = 2222, .last = 2222};  // where testing::udp_packet goes
constexpr policy::PortRange kShut{.first = 2223, .last = 65535};

std::vector<std::uint8_t> answer_to(std::vector<std::uint8_t> packet) {
  std::swap_ranges(&packet[10 + 12], &packet[10 + 16], &packet[10 + 16]);
  std::swap_ranges(&packet[10 + 20], &packet[10 + 22], &packet[10 + 22]);
  return packet;
}

class WorkerFilter : public ::testing::Test {
 protected:
  WorkerFilter() { pair.connect(); }

  // How many packets, or super-packets, came through.
  std::size_t send(Side& from, Side& to, const std::vector<std::uint8_t>& packet) {
    from.tun.put(packet);
    pair.settle();
    return to.tun.discard();
  }

  Pair pair;
};

TEST_F(WorkerFilter, ChecksNothingWithoutOne) {
  EXPECT_EQ(send(pair.a, pair.b, testing::udp_packet(pair.a, pair.b, 10)), 1U);
  EXPECT_EQ(pair.b.control.link().packet_filter, nullptr);
}

TEST_F(WorkerFilter, DropsWhatNoRuleAllowsAndCountsWhy) {
  pair.b.control.set_filter(filter_of(pair.b, kOpen));
  EXPECT_EQ(send(pair.a, pair.b, testing::udp_packet(pair.a, pair.b, 10)), 1U);
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  EXPECT_EQ(send(pair.a, pair.b, testing::udp_packet(pair.a, pair.b, 10)), 0U);
  EXPECT_EQ(pair.b.drops(DropReason::FilterNoRule), 1U);
  const auto drops = pair.b.control.link().packet_filter->drops().read();
  ASSERT_THAT(drops, ::testing::SizeIs(1));
  EXPECT_EQ(drops[0].peer, pair.b.peer.value);
  EXPECT_EQ(drops[0].port, 2222);
  pair.b.control.set_filter(nullptr);
  EXPECT_EQ(send(pair.a, pair.b, testing::udp_packet(pair.a, pair.b, 10)), 1U);
}

TEST_F(WorkerFilter, LetsAnswersIn) {
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  const auto question = testing::udp_packet(pair.b, pair.a, 10);
  EXPECT_EQ(send(pair.a, pair.b, answer_to(question)), 0U);
  EXPECT_EQ(send(pair.b, pair.a, question), 1U);
  EXPECT_EQ(send(pair.a, pair.b, answer_to(question)), 1U);
}

TEST_F(WorkerFilter, KeepsFlowsWhenTheWorkerIsAnother) {
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  const auto question = testing::udp_packet(pair.b, pair.a, 10);
  send(pair.b, pair.a, question);
  pair.b.move_to("192.0.2.99", 9999);
  send(pair.b, pair.a, testing::udp_packet(pair.b, pair.a, 11));  // so that a follows
  auto other = testing::udp_packet(pair.b, pair.a, 10);
  EXPECT_EQ(send(pair.a, pair.b, answer_to(question)), 1U);
  other[10 + 21] ^= 1;  // a source port that asked nothing
  EXPECT_EQ(send(pair.a, pair.b, answer_to(other)), 0U);
}

TEST_F(WorkerFilter, LetsOrTakesSuperPacketsWhole) {
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  const auto packet = testing::tcp_super_packet(pair.a, pair.b, 40'000, 1'368);
  EXPECT_EQ(send(pair.a, pair.b, packet), 1U);
  auto begin = packet;
  begin[10 + 33] = ip::tcp_flag::kSyn;
  EXPECT_EQ(send(pair.a, pair.b, begin), 0U);
  EXPECT_EQ(pair.b.drops(DropReason::FilterNoRule), 30U);
}

TEST_F(WorkerFilter, KeepsMulticastAtHome) {
  pair.a.control.set_filter(filter_of(pair.a, kOpen));
  auto packet = testing::udp_packet(pair.a, pair.b, 10);
  packet[10 + 16] = 224;
  EXPECT_EQ(send(pair.a, pair.b, packet), 0U);
  EXPECT_EQ(pair.a.drops(DropReason::FilterMulticast), 1U);
  EXPECT_EQ(pair.a.drops(DropReason::NoPeer), 0U);
}

// A ping of TSMP (spec: paths section 4.6), as a device hands it over.
std::vector<std::uint8_t> tsmp_packet(const Side& from, const Side& to, char type) {
  auto packet = testing::udp_packet(from, to, 1);  // 29 bytes: as long
  packet[10 + ip::kIpv4ProtocolOffset] = ip::protocol::kTsmp;
  const std::span<std::uint8_t> message = std::span(packet).subspan(10 + ip::kIpv4MinHeaderSize);
  std::iota(message.begin(), message.end(), std::uint8_t{1});
  message[0] = static_cast<std::uint8_t>(type);
  std::vector<std::uint8_t> inner(packet.begin() + 10, packet.end());
  testing::fix_checksums(inner);
  std::ranges::copy(inner, packet.begin() + 10);
  return packet;
}

TEST_F(WorkerFilter, AnswersPingsOfTsmpWithoutTheHost) {
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  EXPECT_EQ(send(pair.a, pair.b, tsmp_packet(pair.a, pair.b, 'p')), 0U);
  const auto pong = pair.a.tun.take();
  ASSERT_EQ(pong.size(), 10U + 31);
  const ByteView inner = ByteView(pong).subspan(10);
  EXPECT_EQ(ip::source_address(inner), pair.b.inner);
  EXPECT_EQ(ip::destination_address(inner), pair.a.inner);
  EXPECT_EQ(to_hex(inner.subspan(ip::kIpv4MinHeaderSize)), "6f02030405060708090000");
  EXPECT_EQ(pair.a.tun.discard(), 0U);
}

TEST_F(WorkerFilter, KeepsOtherTsmpFromTheHost) {
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  for (const char type : {'o', '!', 'a', 'x'}) {
    EXPECT_EQ(send(pair.a, pair.b, tsmp_packet(pair.a, pair.b, type)), 0U);
  }
  EXPECT_EQ(pair.a.tun.discard(), 0U);
  EXPECT_EQ(pair.b.drops(DropReason::TsmpIgnored), 4U);
}

TEST_F(WorkerFilter, AnswersABurstOfPings) {
  pair.b.control.set_filter(filter_of(pair.b, kShut));
  for (int i = 0; i < 100; ++i) pair.a.tun.put(tsmp_packet(pair.a, pair.b, 'p'));
  pair.settle();
  EXPECT_EQ(pair.a.tun.discard(), 100U);
  EXPECT_EQ(pair.b.tun.discard(), 0U);
}

}  // namespace
}  // namespace warren::tunnel
