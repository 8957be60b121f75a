#include "tunnel/splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/ip/packet.h"
#include "tunnel/testing/golden.h"
#include "tunnel/testing/packets.h"

namespace warren::tunnel {
namespace {

using testing::Bytes;
using testing::PacketSpec;

constexpr const char* kGoldenFile = WARREN_SOURCE_DIR "/src/tunnel/testdata/split.txt";

virtio::NetHeader gso_header(const PacketSpec& spec, std::uint16_t gso_size) {
  return {.flags = virtio::kNeedsChecksum,
          .gso_type = spec.is_udp  ? virtio::GsoType::Udp
                      : spec.is_v6 ? virtio::GsoType::TcpV6
                                   : virtio::GsoType::TcpV4,
          .gso_ecn = false,
          .header_size = 0,
          .gso_size = gso_size,
          .checksum_start = static_cast<std::uint16_t>(spec.is_v6 ? 40 : 20),
          .checksum_offset = static_cast<std::uint16_t>(spec.is_udp ? 6 : 16)};
}

std::vector<Bytes> split(Splitter splitter) {
  std::vector<Bytes> out;
  while (!splitter.done()) {
    Bytes segment(splitter.next_size() + 3, 0xEE);
    const std::size_t size = splitter.next(segment);
    EXPECT_EQ(segment[size], 0xEE) << "wrote past the segment";
    segment.resize(size);
    out.push_back(std::move(segment));
  }
  return out;
}

// Expectations by tools/vectors/split_packets.py; the cases "recorded_" were read from a TUN device
// of Linux 6.18 by tools/vectors/record_tun.py.
TEST(Splitter, CutsAsTheIndependentScript) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "the vectors are little-endian";
  const auto cases = testing::read_golden(kGoldenFile);
  ASSERT_GE(cases.size(), 30U);
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden.name);
    const Bytes read = golden.all("read").at(0);
    const auto expected = golden.all("segment");
    const auto header = virtio::decode_net_header(read);
    ASSERT_TRUE(header);
    const auto splitter = Splitter::create(*header, ByteView(read).subspan(virtio::kNetHeaderSize));
    ASSERT_TRUE(splitter);
    std::size_t total = 0;
    for (const Bytes& segment : expected) total += segment.size();
    EXPECT_EQ(splitter->count(), expected.size());
    EXPECT_EQ(splitter->total_size(), total);
    EXPECT_EQ(split(*splitter), expected);
  }
}

TEST(Splitter, WaitsForABufferThatIsLargeEnough) {
  const PacketSpec spec{.payload_size = 250};
  const Bytes packet = testing::make_packet(spec);
  auto splitter = Splitter::create(gso_header(spec, 100), packet);
  ASSERT_TRUE(splitter);
  Bytes out(140);
  EXPECT_EQ(splitter->next(MutableByteView(out).first(139)), 0U);
  EXPECT_EQ(splitter->remaining(), 3U);
  EXPECT_EQ(splitter->next(out), 140U);
  EXPECT_EQ(splitter->next(out), 140U);
  EXPECT_EQ(splitter->next_size(), 90U);
  EXPECT_EQ(splitter->next(MutableByteView(out).first(90)), 90U);
  EXPECT_TRUE(splitter->done());
  EXPECT_EQ(splitter->next(out), 0U);
}

TEST(Splitter, CutsMoreSegmentsThanAnyBatchHolds) {
  const PacketSpec spec{.payload_size = 65495};  // data-plane section 2.3: MSS 48 gives 1,365
  const Bytes packet = testing::make_packet(spec);
  const auto splitter = Splitter::create(gso_header(spec, 48), packet);
  ASSERT_TRUE(splitter);
  EXPECT_EQ(splitter->count(), 1365U);
  EXPECT_EQ(split(*splitter).size(), 1365U);
}

TEST(Splitter, CutsTcpButNotUdpToASmallerPeer) {
  for (const bool is_udp : {false, true}) {
    const PacketSpec spec{.is_udp = is_udp, .payload_size = 3000};
    const Bytes packet = testing::make_packet(spec);
    const auto splitter = Splitter::create(gso_header(spec, 1380), packet, 1280);
    ASSERT_TRUE(splitter);
    EXPECT_EQ(splitter->size_of(0), is_udp ? 1408U : 1280U);
    for (const Bytes& segment : split(*splitter)) {
      const auto info = ip::parse_packet(segment);
      ASSERT_TRUE(info);
      EXPECT_EQ(info->total_size, segment.size());
    }
  }
}

TEST(Splitter, CopiesAPacketWithoutOffloads) {
  const Bytes packet = testing::make_packet({});
  const auto splitter = Splitter::create({}, packet);
  ASSERT_TRUE(splitter);
  EXPECT_EQ(split(*splitter), std::vector<Bytes>{packet});
}

TEST(Splitter, RefusesHeadersThatDoNotFit) {
  const PacketSpec spec{.payload_size = 300};
  const PacketSpec spec6{.is_v6 = true, .payload_size = 300};
  const virtio::NetHeader good = gso_header(spec, 100);
  const Bytes packet = testing::make_packet(spec);
  const Bytes packet6 = testing::make_packet(spec6);
  const auto expect_refused = [](virtio::NetHeader header, const Bytes& bytes, const char* why) {
    const auto splitter = Splitter::create(header, bytes);
    ASSERT_FALSE(splitter) << why;
    EXPECT_EQ(splitter.error(), DropReason::TunBadHeader);
  };
  const auto with = [](virtio::NetHeader header, auto change) {
    change(header);
    return header;
  };
  const auto damaged = [](Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes[at] = value;
    return bytes;
  };
  using Header = virtio::NetHeader;
  ASSERT_TRUE(Splitter::create(good, packet));
  ASSERT_TRUE(Splitter::create(gso_header(spec6, 100), packet6));

  expect_refused({}, {}, "empty");
  expect_refused({}, Bytes(65536, 0x45), "larger than any packet");
  expect_refused(good, packet6, "IPv6 as TCPv4");
  expect_refused(gso_header(spec6, 100), packet, "IPv4 as TCPv6");
  expect_refused(gso_header({.is_udp = true}, 100), packet, "TCP as UDP");
  const std::array<std::uint8_t, virtio::kNetHeaderSize> ufo{1, 3, 0, 0, 100, 0, 20, 0, 16, 0};
  expect_refused(*virtio::decode_net_header(ufo), packet, "UFO");
  expect_refused(with(good, [](Header& h) { h.gso_size = 0; }), packet, "no gso_size");
  expect_refused(with(good, [](Header& h) { h.checksum_start = 24; }), packet, "wrong csum_start");
  expect_refused(with(good, [](Header& h) { h.checksum_offset = 6; }), packet, "UDP's offset");
  expect_refused(good, damaged(packet, 0, 0x05), "no version");
  expect_refused(good, damaged(packet, 0, 0x44), "IHL 4");
  expect_refused(good, damaged(packet, 9, 17), "not TCP");
  expect_refused(good, damaged(packet, 6, 0x20), "a fragment");
  expect_refused(good, damaged(packet, 20 + 12, 0x40), "TCP header of 16");
  expect_refused(good, Bytes(packet.begin(), packet.begin() + 39), "TCP header cut off");
  expect_refused(gso_header(spec6, 100), damaged(packet6, 6, 43), "routing header");
  expect_refused(gso_header(spec6, 100), Bytes(packet6.begin(), packet6.begin() + 39), "short");
  Header partial{.flags = virtio::kNeedsChecksum};
  partial.checksum_start = static_cast<std::uint16_t>(packet.size() - 2);
  ASSERT_TRUE(Splitter::create(partial, packet));
  partial.checksum_offset = 1;
  expect_refused(partial, packet, "checksum field outside");
}

TEST(Splitter, RefusesEveryTruncationOfTheHeaders) {
  const PacketSpec spec{.payload_size = 300};
  const Bytes packet = testing::make_packet(spec);
  for (std::size_t n = 0; n < 40; ++n) {
    EXPECT_FALSE(Splitter::create(gso_header(spec, 100), ByteView(packet).first(n))) << n;
  }
}

}  // namespace
}  // namespace warren::tunnel
