#include <thread>

#include <gtest/gtest.h>

#include "tunnel/spsc_ring.h"

namespace warren::tunnel {
namespace {

TEST(SpscRing, RefusesWhenFull) {
  SpscRing<int, 4> ring;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(4));
  EXPECT_EQ(*ring.front(), 0);
  ring.pop();
  EXPECT_TRUE(ring.push(4));
  EXPECT_EQ(ring.size(), 4U);
}

TEST(SpscRing, KeepsOrderBetweenTwoThreads) {
  SpscRing<std::uint64_t, 64> ring;
  constexpr std::uint64_t kCount = 200'000;
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kCount;) {
      if (ring.push(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (std::uint64_t expected = 0; expected < kCount;) {
    if (const std::uint64_t* const value = ring.front()) {
      ASSERT_EQ(*value, expected);
      ring.pop();
      ++expected;
    } else {
      std::this_thread::yield();
    }
  }
  producer.join();
  EXPECT_EQ(ring.front(), nullptr);
}

}  // namespace
}  // namespace warren::tunnel
