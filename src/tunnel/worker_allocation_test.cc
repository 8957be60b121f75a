#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "policy/filter.h"
#include "tunnel/testing/hub.h"
#include "tunnel/testing/mesh_pair.h"

// The packet path allocates nothing, takes no lock and reads the clock at most once a round (spec:
// data-plane section 10, counting allocator).
namespace {
std::atomic<std::uint64_t> allocations;
}

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete): this is where it is freed
void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace warren::tunnel {
namespace {

// A tenth of a million in instrumented trees, where each packet costs ten times as much.
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
constexpr std::size_t kPackets = 100'000;
#else
constexpr std::size_t kPackets = 1'000'000;
#endif

TEST(WorkerAllocation, IsNoneOverManyPacketsBothWays) {
  testing::Pair pair;
  pair.connect();
  const auto small = testing::udp_packet(pair.a, pair.b, 64);
  const auto large = testing::tcp_super_packet(pair.a, pair.b, 63'000, 1'368);
  const auto back = testing::udp_packet(pair.b, pair.a, 64);

  const auto exchange = [&] {
    std::size_t packets = 0;
    for (int i = 0; i < 20; ++i) {
      pair.a.tun.put(small);
      pair.b.tun.put(back);
      packets += 2;
    }
    pair.a.tun.put(large);
    packets += 47;
    for (int i = 0; i < 4; ++i) {
      pair.a.worker->round();
      pair.b.worker->round();
    }
    pair.a.tun.discard();
    pair.b.tun.discard();
    return packets;
  };
  exchange();  // libraries may set themselves up with the first packets

  const std::uint64_t allocated = allocations;
  const std::uint64_t clock_reads = pair.clock.reads;
  std::size_t packets = 0;
  std::size_t rounds = 0;
  for (; packets < kPackets; rounds += 8) packets += exchange();
  EXPECT_EQ(allocations - allocated, 0U);
  EXPECT_LE(pair.clock.reads - clock_reads, rounds);
}

TEST(WorkerAllocation, IsNoneWithAFilterUnderAFloodOfFlows) {
  testing::Pair pair;
  pair.connect();
  const auto filter = [](const testing::Side& side, const testing::Side& peer) {
    policy::FilterConfig config;
    config.rules.rules = {{.sources = {policy::AddressRange::of(peer.inner)},
                           .destinations = {{policy::AddressRange::of(side.inner), {}}},
                           .protocols = {ip::protocol::kUdp}}};
    config.addresses = {side.inner};
    return *policy::Filter::create(config);
  };
  pair.a.control.set_filter(filter(pair.a, pair.b));
  pair.b.control.set_filter(filter(pair.b, pair.a));
  const auto large = testing::tcp_super_packet(pair.a, pair.b, 63'000, 1'368);
  auto small = testing::udp_packet(pair.a, pair.b, 64);
  std::uint32_t flow = 0;
  const auto exchange = [&] {
    for (int i = 0; i < 20; ++i, ++flow) {  // ports of both ends: more flows than there are slots
      store_be(&small[10 + 20], static_cast<std::uint32_t>(flow * 2'654'435'761U));
      pair.a.tun.put(small);
    }
    pair.a.tun.put(large);
    for (int i = 0; i < 4; ++i) {
      pair.a.worker->round();
      pair.b.worker->round();
    }
    return pair.b.tun.discard();
  };
  exchange();

  const std::uint64_t allocated = allocations;
  // A quarter is enough for more flows than there are slots, where nothing is instrumented.
  for (std::size_t packets = 0; packets < kPackets / 4; packets += 67) ASSERT_EQ(exchange(), 21U);
  EXPECT_EQ(allocations - allocated, 0U);
  EXPECT_EQ(pair.b.drops(DropReason::FilterNoRule), 0U);
}

TEST(WorkerAllocation, IsNoneOnManagedPathsAndUnderAFloodOfProbes) {
  testing::MeshPair pair;
  pair.connect();
  const auto large = testing::tcp_super_packet(pair.a, pair.b, 63'000, 1'368);
  const auto back = testing::udp_packet(pair.b, pair.a, 64);
  std::vector<std::uint8_t> probe(124, 0x11);
  const std::array<std::uint8_t, 6> magic = {0x54, 0x53, 0xF0, 0x9F, 0x92, 0xAC};
  std::ranges::copy(magic, probe.begin());
  pair.set_path(pair.a, {.direct = testing::MeshPair::direct_to(pair.b),
                         .relay = testing::MeshPair::relayed_to(pair.b)});
  pair.settle();

  const auto exchange = [&] {
    pair.a.tun.put(large);
    pair.b.tun.put(back);
    pair.inject(pair.b, probe);
    for (int i = 0; i < 4; ++i) {
      for (testing::Side* const side : {&pair.a, &pair.b}) {
        side->worker->round();
        pair.carry_data(*side);
      }
    }
    pair.a.tun.discard();
    pair.b.tun.discard();
    return std::size_t{2 * 47 + 1};
  };
  for (int i = 0; i < 300; ++i) exchange();  // the ring of probes is full

  const std::uint64_t allocated = allocations;
  for (std::size_t packets = 0; packets < kPackets;) packets += exchange();
  EXPECT_EQ(allocations - allocated, 0U);
  EXPECT_GT(pair.b.drops(DropReason::PathFull), 0U);
  EXPECT_GT(pair.b.drops(DropReason::RxReplay), 0U);
}

TEST(WorkerAllocation, IsNoneWhenPacketsAreForwarded) {
  testing::Hub hub;
  hub.connect();
  const auto small = testing::udp_packet(hub.phone, hub.laptop, 64);
  const auto large = testing::tcp_super_packet(hub.phone, hub.laptop, 63'000, 1'368);
  const auto back = testing::udp_packet(hub.laptop, hub.phone, 64);
  const auto exchange = [&] {
    for (int i = 0; i < 20; ++i) {
      hub.phone.tun.put(small);
      hub.laptop.tun.put(back);
    }
    hub.phone.tun.put(large);
    for (int i = 0; i < 4; ++i) {
      for (testing::Side* const side : {&hub.phone, &hub.laptop, &hub.hub}) side->worker->round();
    }
    hub.phone.tun.discard();
    hub.laptop.tun.discard();
  };
  exchange();  // libraries may set themselves up with the first packets

  const std::uint64_t allocated = allocations;
  for (std::size_t packets = 0; packets < kPackets / 10; packets += 20 + 20 + 47) exchange();
  EXPECT_EQ(allocations - allocated, 0U);
  EXPECT_GE(hub.count(Counter::ForwardedPackets), kPackets / 10);
}

}  // namespace
}  // namespace warren::tunnel
