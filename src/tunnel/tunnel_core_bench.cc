#include <benchmark/benchmark.h>

#include "policy/packet_filter.h"
#include "proto/ip/packet.h"
#include "tunnel/coalescer.h"
#include "tunnel/splitter.h"
#include "tunnel/testing/packets.h"

// Splitting and merging what one UDP message carries at inner MTU 1420: 45 TCP segments, and many
// small datagrams; and the same with the packet filter before the merge, as a node has it. Build
// with the release preset; a time is for 45 packets.
namespace warren::tunnel {
namespace {

using testing::Bytes;
using testing::PacketSpec;

constexpr std::size_t kPayload = 1368;
constexpr std::size_t kSegments = 45;
constexpr std::size_t kSlot = 2048;
constexpr std::size_t kRoom = 16;  // the WireGuard header's place

void count_packets(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kSegments));
}

void split_tcp(benchmark::State& state) {
  const Bytes packet = testing::make_packet({.payload_size = kSegments * kPayload});
  const virtio::NetHeader header{.flags = virtio::kNeedsChecksum,
                                 .gso_type = virtio::GsoType::TcpV4,
                                 .gso_ecn = false,
                                 .header_size = 40,
                                 .gso_size = kPayload,
                                 .checksum_start = 20,
                                 .checksum_offset = 16};
  Bytes arena(kSegments * kSlot);
  while (state.KeepRunning()) {
    auto splitter = Splitter::create(header, packet);
    std::size_t at = 0;
    while (!splitter->done()) at += splitter->next(MutableByteView(arena).subspan(at)) + 32;
    benchmark::ClobberMemory();
  }
  count_packets(state);
}

class NullSink final : public WriteSink {
 public:
  void write(const TunWrite& write) override { benchmark::DoNotOptimize(write.parts.data()); }
};

// The packet with addresses that an overlay may have.
Bytes between_nodes(Bytes packet) {
  const bool is_v6 = ip::version_of(packet) == ip::kVersion6;
  packet[is_v6 ? ip::kIpv6SourceOffset : ip::kIpv4SourceOffset] = is_v6 ? 0xFD : 10;
  packet[is_v6 ? ip::kIpv6DestinationOffset : ip::kIpv4DestinationOffset] = is_v6 ? 0xFD : 10;
  testing::fix_checksums(packet);
  return packet;
}

// Lets in all that it makes.
policy::PacketFilter open_filter() {
  policy::FilterConfig config;
  for (const bool is_v6 : {false, true}) {
    const auto all = policy::AddressRange::all(is_v6);
    config.rules.rules.push_back(
        {.sources = {all}, .destinations = {{all, {}}}, .protocols = {6, 17}});
  }
  config.routes = {IpPrefix(IpAddress::v4({0, 0, 0, 0}), 0), IpPrefix(IpAddress::v6({}), 0)};
  policy::PacketFilter out(1);
  out.set_filter(*policy::Filter::create(config));
  return out;
}

enum class Filtered : bool { No, Yes };

// `flows` streams take turns; each iteration restores the headers that a merge changes.
void coalesce(benchmark::State& state, PacketSpec spec, std::size_t flows, Filtered filtered) {
  std::vector<Bytes> packets;
  for (std::size_t i = 0; i < kSegments; ++i) {
    spec.port = static_cast<std::uint16_t>(i % flows);
    spec.sequence = static_cast<std::uint32_t>(i / flows * spec.payload_size);
    packets.push_back(between_nodes(testing::make_packet(spec)));
  }
  Bytes slots(kSegments * kSlot);
  for (std::size_t i = 0; i < kSegments; ++i) {
    std::ranges::copy(packets[i], slots.data() + i * kSlot + kRoom);
  }
  NullSink sink;
  Coalescer coalescer(sink, {.tcp = true, .udp = true});
  policy::PacketFilter filter = open_filter();
  std::size_t refused = 0;
  while (state.KeepRunning()) {
    for (std::size_t i = 0; i < kSegments; ++i) {
      std::uint8_t* at = slots.data() + i * kSlot + kRoom;
      if (i < flows) std::memcpy(at, packets[i].data(), 60);
      if (filtered == Filtered::Yes) {
        const ByteView packet(at, packets[i].size());
        const auto info = ip::parse_packet(packet);
        if (filter.check_inbound(*info, packet, TimePoint(1h)) != policy::Verdict::Accept)
          ++refused;
      }
      coalescer.add({at, packets[i].size()}, Destination::Local);
    }
    coalescer.flush();
  }
  if (refused > 0) state.SkipWithError("the filter refused a packet");
  count_packets(state);
}

BENCHMARK(split_tcp);
const PacketSpec kTcp4{.payload_size = kPayload};
const PacketSpec kTcp6{.is_v6 = true, .payload_size = kPayload};
const PacketSpec kSmallUdp4{.is_udp = true, .payload_size = 64};
const PacketSpec kPureAck{.payload_size = 0};

BENCHMARK_CAPTURE(coalesce, tcp4_one_flow, kTcp4, 1, Filtered::No);
BENCHMARK_CAPTURE(coalesce, tcp4_one_flow_filtered, kTcp4, 1, Filtered::Yes);
BENCHMARK_CAPTURE(coalesce, tcp6_eight_flows, kTcp6, 8, Filtered::No);
BENCHMARK_CAPTURE(coalesce, tcp6_eight_flows_filtered, kTcp6, 8, Filtered::Yes);
BENCHMARK_CAPTURE(coalesce, udp4_small, kSmallUdp4, 1, Filtered::No);
BENCHMARK_CAPTURE(coalesce, udp4_small_filtered, kSmallUdp4, 1, Filtered::Yes);
BENCHMARK_CAPTURE(coalesce, pure_acks, kPureAck, 1, Filtered::No);
BENCHMARK_CAPTURE(coalesce, pure_acks_filtered, kPureAck, 1, Filtered::Yes);

}  // namespace
}  // namespace warren::tunnel

BENCHMARK_MAIN();
