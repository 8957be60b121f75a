#include "io/prefix_limiter.h"

#include <gtest/gtest.h>

namespace warren::io {
namespace {

int allowed(PrefixLimiter& limiter, std::string_view source, int tries, TimePoint now) {
  int out = 0;
  for (int i = 0; i < tries; ++i) out += limiter.allow(*IpAddress::parse(source), now) ? 1 : 0;
  return out;
}

TEST(PrefixLimiter, LimitsAPrefixAndNotItsNeighbour) {
  SeededRandom random(1);
  PrefixLimiter limiter(100ms, 5, random);
  TimePoint now{};
  EXPECT_EQ(allowed(limiter, "192.0.2.1", 100, now), 5);
  EXPECT_EQ(allowed(limiter, "192.0.2.200", 100, now), 0);
  EXPECT_EQ(allowed(limiter, "192.0.3.1", 100, now), 5);
  EXPECT_EQ(allowed(limiter, "2001:db8:1:2::1", 100, now), 5);
  EXPECT_EQ(allowed(limiter, "2001:db8:1:ffff::1", 100, now), 0);
  EXPECT_EQ(allowed(limiter, "2001:db8:2::1", 100, now), 5);
  now += 200ms;
  EXPECT_EQ(allowed(limiter, "192.0.2.77", 100, now), 2);
}

TEST(PrefixLimiter, AFloodFromEverywhereCostsOthersNothing) {
  SeededRandom random(1);
  PrefixLimiter limiter(10ms, 100, random);
  TimePoint now{};
  for (int i = 0; i < 200'000; ++i) {
    std::array<std::uint8_t, 4> address{};
    random.fill(address);
    limiter.allow(IpAddress::v4(address), now);
    if (i % 100 == 0) now += 1ms;  // 100,000 a second
  }
  EXPECT_EQ(allowed(limiter, "192.0.2.1", 50, now), 50);
}

TEST(TokenBucket, SaysWhenAReservedTokenComes) {
  TokenBucket bucket;
  const TimePoint now{5s};
  EXPECT_LE(bucket.reserve(1s, 2, now), now);
  EXPECT_LE(bucket.reserve(1s, 2, now), now);
  EXPECT_FALSE(bucket.take(1s, 2, now));
  EXPECT_EQ(bucket.reserve(1s, 2, now), now + 1s);
  EXPECT_EQ(bucket.reserve(1s, 2, now), now + 2s);
  EXPECT_FALSE(bucket.take(1s, 2, now + 2s));
  EXPECT_TRUE(bucket.take(1s, 2, now + 3s));
}

}  // namespace
}  // namespace warren::io
