#include "tunnel/coalescer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tunnel/testing/golden.h"
#include "tunnel/testing/round_trip.h"

namespace warren::tunnel {
namespace {

using testing::Bytes;
using testing::make_packet;
using testing::PacketBuffers;
using testing::PacketSpec;
using testing::RecordingSink;

constexpr Coalescer::Switches kAllOn{.tcp = true, .udp = true};
constexpr const char* kGoldenFile = WARREN_SOURCE_DIR "/src/tunnel/testdata/coalesce.txt";

std::vector<Bytes> coalesce(const std::vector<Bytes>& packets,
                            Coalescer::Switches switches = kAllOn,
                            Destination destination = Destination::Local) {
  PacketBuffers buffers(packets);
  RecordingSink sink;
  Coalescer coalescer(sink, switches);
  for (std::size_t i = 0; i < buffers.size(); ++i) coalescer.add(buffers[i], destination);
  coalescer.flush();
  EXPECT_TRUE(sink.has_right_sizes);
  return sink.writes;
}

std::vector<Bytes> stream(PacketSpec spec, std::size_t count) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(make_packet(spec));
    spec.sequence += static_cast<std::uint32_t>(spec.payload_size);
    ++spec.id;
  }
  return out;
}

// Expectations by tools/vectors/coalesce_packets.py: all rules of data-plane section 2.5 kept, then
// each broken once.
TEST(Coalescer, WritesAsTheIndependentScript) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "the vectors are little-endian";
  const auto cases = testing::read_golden(kGoldenFile);
  ASSERT_GE(cases.size(), 50U);
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden.name);
    EXPECT_EQ(coalesce(golden.all("packet")), golden.all("write"));
  }
}

TEST(Coalescer, MergesNothingThatIsSwitchedOff) {
  const auto tcp = stream({}, 3);
  const auto udp = stream({.is_udp = true}, 3);
  EXPECT_EQ(coalesce(tcp).size(), 1U);
  EXPECT_EQ(coalesce(tcp, {.tcp = false, .udp = true}).size(), 3U);
  EXPECT_EQ(coalesce(udp).size(), 1U);
  EXPECT_EQ(coalesce(udp, {.tcp = true, .udp = false}).size(), 3U);
}

TEST(Coalescer, MergesUdpForLocalAddressesOnly) {
  EXPECT_EQ(coalesce(stream({.is_udp = true}, 3), kAllOn, Destination::Forwarded).size(), 3U);
  EXPECT_EQ(coalesce(stream({}, 3), kAllOn, Destination::Forwarded).size(), 1U);
}

TEST(Coalescer, BoundsPartsAndSegments) {
  const auto tcp = coalesce(stream({.payload_size = 10}, 2 * Coalescer::kMaxParts + 1));
  ASSERT_EQ(tcp.size(), 3U);
  EXPECT_EQ(tcp[0].size(), 10U + 40 + Coalescer::kMaxParts * 10);
  const auto udp = coalesce(stream({.is_udp = true, .payload_size = 10}, 65));
  ASSERT_EQ(udp.size(), 2U);
  EXPECT_EQ(udp[0].size(), 10U + 28 + 64 * 10);
}

TEST(Coalescer, BoundsTheTotalSize) {
  for (const bool is_v6 : {false, true}) {
    const std::size_t headers = is_v6 ? 60 : 40;
    // Five payloads that fill 65,535 to the byte, and five that do not fit.
    const std::size_t fits = (65535 - headers) / 5;
    auto packets = stream({.is_v6 = is_v6, .payload_size = fits}, 5);
    EXPECT_EQ(coalesce(packets).size(), 1U);
    packets = stream({.is_v6 = is_v6, .payload_size = fits + 1}, 5);
    EXPECT_EQ(coalesce(packets).size(), 2U);
    EXPECT_EQ(testing::check_round_trip(packets, kAllOn, Destination::Local), "");
  }
}

TEST(Coalescer, WritesTheOldestFlowWhenASeventeenthOpens) {
  std::vector<Bytes> packets;
  packets.reserve(Coalescer::kMaxFlows + 1);
  for (std::uint16_t port = 0; port < Coalescer::kMaxFlows + 1; ++port) {
    packets.push_back(make_packet({.port = port}));
  }
  PacketBuffers buffers(packets);
  RecordingSink sink;
  Coalescer coalescer(sink, kAllOn);
  for (std::size_t i = 0; i < Coalescer::kMaxFlows; ++i) {
    coalescer.add(buffers[i], Destination::Local);
  }
  EXPECT_TRUE(sink.writes.empty());
  coalescer.add(buffers[Coalescer::kMaxFlows], Destination::Local);
  ASSERT_EQ(sink.writes.size(), 1U);
  EXPECT_TRUE(
      std::ranges::equal(ByteView(sink.writes[0]).subspan(virtio::kNetHeaderSize), packets[0]));
  coalescer.flush();
  EXPECT_EQ(sink.writes.size(), packets.size());
}

TEST(Coalescer, CopiesNoPayload) {
  const auto packets = stream({}, 3);
  PacketBuffers buffers(packets);

  class PointerSink final : public WriteSink {
   public:
    void write(const TunWrite& write) override {
      for (const BufferPart& part : write.parts) data.push_back(part.data);
    }

    std::vector<const std::uint8_t*> data;
  };

  PointerSink sink;
  Coalescer coalescer(sink, kAllOn);
  for (std::size_t i = 0; i < buffers.size(); ++i) coalescer.add(buffers[i], Destination::Local);
  coalescer.flush();
  EXPECT_THAT(sink.data, ::testing::ElementsAre(buffers[0].data() - virtio::kNetHeaderSize,
                                                buffers[1].data() + 40, buffers[2].data() + 40));
}

TEST(Coalescer, TakesARefusedMergeApart) {
  // The device refuses merged writes; each packet must then arrive as it came.
  class RefusingSink final : public WriteSink {
   public:
    void write(const TunWrite& write) override {
      if (write.is_merged()) {
        ++refused;
        write_apart(write, single);
      } else {
        single.write(write);
      }
    }

    RecordingSink single;
    int refused = 0;
  };

  for (const PacketSpec spec : {PacketSpec{}, PacketSpec{.is_v6 = true}, PacketSpec{.is_udp = true},
                                PacketSpec{.is_v6 = true, .is_udp = true}}) {
    auto packets = stream(spec, 3);
    if (!spec.is_udp) {
      packets[2][(spec.is_v6 ? 40 : 20) + ip::kTcpFlagsOffset] |= ip::tcp_flag::kPsh;
      testing::fix_checksums(packets[2]);
    }
    PacketBuffers buffers(packets);
    RefusingSink sink;
    Coalescer coalescer(sink, kAllOn);
    for (std::size_t i = 0; i < buffers.size(); ++i) coalescer.add(buffers[i], Destination::Local);
    coalescer.flush();
    EXPECT_EQ(sink.refused, 1);
    ASSERT_EQ(sink.single.writes.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      Bytes expected(virtio::kNetHeaderSize);
      expected.insert(expected.end(), packets[i].begin(), packets[i].end());
      EXPECT_EQ(sink.single.writes[i], expected);
    }
  }
}

// Flows that mostly obey the rules and now and then break one.
std::vector<Bytes> random_traffic(SeededRandom& random) {
  std::array<PacketSpec, 20> flows;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    flows[i] = {.is_v6 = random.below(2) == 0,
                .is_udp = random.below(4) == 0,
                .port = static_cast<std::uint16_t>(i),
                .sequence = random.u32(),
                .id = static_cast<std::uint16_t>(random.u32()),
                .df = random.below(2) == 0,
                .payload_size = 1 + random.below(300)};
  }
  const std::size_t active = 1 + random.below(flows.size());
  std::vector<Bytes> out;
  for (std::size_t n = random.below(300); n > 0; --n) {
    PacketSpec& flow = flows[random.below(active)];
    PacketSpec spec = flow;
    switch (random.below(30)) {
      case 0:
        spec.flags = static_cast<std::uint8_t>(random.u32());
        break;
      case 1:
        spec.payload_size = random.below(400);
        break;
      case 2:
        spec.traffic_class = static_cast<std::uint8_t>(random.u32());
        break;
      case 3:
        spec.sequence += static_cast<std::uint32_t>(random.below(3));
        break;
      case 4:
        spec.flags |= ip::tcp_flag::kPsh;
        break;
      default:
        break;
    }
    Bytes packet = make_packet(spec);
    flow.sequence = spec.sequence + static_cast<std::uint32_t>(spec.payload_size);
    ++flow.id;
    if (random.below(50) == 0) packet[random.below(packet.size())] ^= 0x10;
    out.push_back(std::move(packet));
  }
  return out;
}

TEST(Coalescer, LosesChangesAndReordersNothing) {
  std::size_t packets_in = 0;
  std::size_t writes = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SeededRandom random(seed);
    const auto packets = random_traffic(random);
    ASSERT_EQ(testing::check_round_trip(packets, kAllOn, Destination::Local), "") << seed;
    packets_in += packets.size();
    writes += coalesce(packets).size();
  }
  EXPECT_LT(writes * 2, packets_in) << "the traffic should merge well";
}

TEST(Coalescer, GivesBackAStreamThatObeysTheRulesByteForByte) {
  for (const PacketSpec spec :
       {PacketSpec{.id = 0xFFF0, .df = false, .payload_size = 1380},
        PacketSpec{.is_v6 = true, .payload_size = 1360},
        PacketSpec{.is_udp = true, .id = 9, .df = false, .payload_size = 1392},
        PacketSpec{.is_v6 = true, .is_udp = true, .payload_size = 1}}) {
    const auto packets = stream(spec, 100);
    const auto writes = coalesce(packets);
    EXPECT_LT(writes.size(), 4U);
    EXPECT_EQ(testing::split_writes(writes), packets);
  }
}

}  // namespace
}  // namespace warren::tunnel
