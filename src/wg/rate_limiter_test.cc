#include "wg/rate_limiter.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace warren::wg {
namespace {

constexpr IpAddress kSource = IpAddress::v4({192, 0, 2, 1});

int allowed(RateLimiter& limiter, const IpAddress& source, int tries, TimePoint now) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.allow(source, now) ? 1 : 0;
  return count;
}

TEST(RateLimiter, AllowsFiveAtOnceThenTwentyASecond) {
  RateLimiter limiter;
  EXPECT_EQ(allowed(limiter, kSource, 100, TimePoint()), 5);
  EXPECT_EQ(allowed(limiter, kSource, 100, TimePoint(49ms)), 0);
  EXPECT_EQ(allowed(limiter, kSource, 100, TimePoint(50ms)), 1);
  int in_a_second = 0;
  for (auto at = 51ms; at <= 1050ms; at += 1ms)
    in_a_second += allowed(limiter, kSource, 1, TimePoint(at));
  EXPECT_EQ(in_a_second, 20);
}

TEST(RateLimiter, SavesNoMoreThanABurst) {
  RateLimiter limiter;
  EXPECT_EQ(allowed(limiter, kSource, 1, TimePoint()), 1);
  EXPECT_EQ(allowed(limiter, kSource, 100, TimePoint(1h)), 5);
}

TEST(RateLimiter, KeepsRelayedPeersApart) {
  RateLimiter limiter;
  const auto one = *IpAddress::parse("100::1:0:0:1");
  const auto other = *IpAddress::parse("100::1:0:0:2");
  EXPECT_EQ(allowed(limiter, one, 100, TimePoint()), 5);
  EXPECT_EQ(allowed(limiter, other, 100, TimePoint()), 5);
}

TEST(RateLimiter, KeepsSourcesApartButNotThoseOfOneIpv6Network) {
  RateLimiter limiter;
  const auto one = *IpAddress::parse("2001:db8::1");
  const auto same_network = *IpAddress::parse("2001:db8::ffff:1");
  const auto other_network = *IpAddress::parse("2001:db8:0:1::1");
  EXPECT_EQ(allowed(limiter, one, 100, TimePoint()), 5);
  EXPECT_EQ(allowed(limiter, same_network, 100, TimePoint()), 0);
  EXPECT_EQ(allowed(limiter, other_network, 100, TimePoint()), 5);
  EXPECT_EQ(allowed(limiter, kSource, 100, TimePoint()), 5);
}

TEST(RateLimiter, RefusesNewSourcesWhenFullAndForgetsIdleOnes) {
  RateLimiter limiter;
  const auto source = [](std::uint32_t n) {
    std::array<std::uint8_t, 4> bytes{};
    store_be(bytes.data(), n);
    return IpAddress::v4(bytes);
  };
  for (std::uint32_t n = 0; n < RateLimiter::kMaxSources; ++n)
    EXPECT_TRUE(limiter.allow(source(n), TimePoint()));
  EXPECT_FALSE(limiter.allow(kSource, TimePoint()));
  EXPECT_TRUE(limiter.allow(source(7), TimePoint()));
  EXPECT_EQ(limiter.size(), RateLimiter::kMaxSources);
  EXPECT_TRUE(limiter.allow(kSource, TimePoint(1s)));
  EXPECT_EQ(limiter.size(), 1);
}

}  // namespace
}  // namespace warren::wg
