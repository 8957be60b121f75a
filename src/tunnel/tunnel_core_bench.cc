#include <benchmark/benchmark.h>

#include "tunnel/coalescer.h"
#include "tunnel/splitter.h"
#include "tunnel/testing/packets.h"

// Splitting and merging what one UDP message carries at inner MTU 1420: 45 TCP segments, and many
// small datagrams. Build with the release preset; a time is for 45 packets.
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

// `flows` streams take turns; each iteration restores the headers that a merge changes.
void coalesce(benchmark::State& state, PacketSpec spec, std::size_t flows) {
  std::vector<Bytes> packets;
  for (std::size_t i = 0; i < kSegments; ++i) {
    spec.port = static_cast<std::uint16_t>(i % flows);
    spec.sequence = static_cast<std::uint32_t>(i / flows * spec.payload_size);
    packets.push_back(testing::make_packet(spec));
  }
  Bytes slots(kSegments * kSlot);
  for (std::size_t i = 0; i < kSegments; ++i) {
    std::ranges::copy(packets[i], slots.data() + i * kSlot + kRoom);
  }
  NullSink sink;
  Coalescer coalescer(sink, {.tcp = true, .udp = true});
  while (state.KeepRunning()) {
    for (std::size_t i = 0; i < kSegments; ++i) {
      std::uint8_t* at = slots.data() + i * kSlot + kRoom;
      if (i < flows) std::memcpy(at, packets[i].data(), 60);
      coalescer.add({at, packets[i].size()}, Destination::Local);
    }
    coalescer.flush();
  }
  count_packets(state);
}

BENCHMARK(split_tcp);
BENCHMARK_CAPTURE(coalesce, tcp4_one_flow, PacketSpec{.payload_size = kPayload}, 1);
BENCHMARK_CAPTURE(coalesce,
                  tcp6_eight_flows,
                  PacketSpec{.is_v6 = true, .payload_size = kPayload},
                  8);
BENCHMARK_CAPTURE(coalesce, udp4_small, PacketSpec{.is_udp = true, .payload_size = 64}, 1);
BENCHMARK_CAPTURE(coalesce, pure_acks, PacketSpec{.payload_size = 0}, 1);

}  // namespace
}  // namespace warren::tunnel

BENCHMARK_MAIN();
