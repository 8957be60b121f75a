#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

#include "io/datagram_ring.h"

namespace warren::io {
namespace {

// Datagram number i: its size and its bytes follow from the number.
std::size_t size_of(std::uint64_t i) {
  return 8 + i * 37 % 1400;
}

TEST(DatagramRing, KeepsOrderAndContentBetweenTwoThreads) {
  DatagramRing ring(std::size_t{1} << 14);
  constexpr std::uint64_t kCount = 20'000;
  std::thread producer([&] {
    std::array<std::uint8_t, 1500> buffer{};
    for (std::uint64_t i = 0; i < kCount;) {
      const MutableByteView datagram = MutableByteView(buffer).first(size_of(i));
      std::ranges::fill(datagram, static_cast<std::uint8_t>(i));
      store_le(datagram.data(), i);
      const relay::Route route{.region = relay::RegionId{static_cast<std::uint16_t>(i)},
                               .peer = {}};
      if (ring.push(route, datagram)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });

  bool all_right = true;
  for (std::uint64_t expected = 0; expected < kCount;) {
    bool any = false;
    while (const auto entry = ring.next()) {
      all_right = all_right && entry->datagram.size() == size_of(expected) &&
                  load_le<std::uint64_t>(entry->datagram.data()) == expected &&
                  entry->route.region.value == static_cast<std::uint16_t>(expected) &&
                  std::ranges::all_of(entry->datagram.subspan(8), [&](std::uint8_t byte) {
                    return byte == static_cast<std::uint8_t>(expected);
                  });
      std::ranges::fill(entry->datagram, std::uint8_t{0});  // as if decrypted in place
      ++expected;
      any = true;
    }
    ring.release();
    if (!any) std::this_thread::yield();
  }
  producer.join();
  EXPECT_TRUE(all_right);
  EXPECT_FALSE(ring.next());
  EXPECT_EQ(ring.used(), 0U);
}

}  // namespace
}  // namespace warren::io
