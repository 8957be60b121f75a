#include "acme/core/schedule.h"

#include <gtest/gtest.h>

namespace warren::acme {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr WallTime kStart{.seconds = 1'800'000'000};

Lifetime lifetime(std::int64_t seconds) {
  return {.not_before = kStart, .not_after = {.seconds = kStart.seconds + seconds}};
}

TEST(AcmeSchedule, RenewsAtTwoThirdsOrHalfOfALifetime) {
  SeededRandom random(1);
  for (int i = 0; i < 100; ++i) {
    const auto usual = renewal_time(lifetime(45 * kDay), random).seconds - kStart.seconds;
    EXPECT_LE(usual, 30 * kDay);
    EXPECT_GE(usual, 27 * kDay);  // 5 % of 45 days earlier
    const auto brief = renewal_time(lifetime(6 * kDay), random).seconds - kStart.seconds;
    EXPECT_LE(brief, 3 * kDay);
    EXPECT_GE(brief, 3 * kDay - kDay / 2);
  }
  EXPECT_EQ(renewal_time(lifetime(-5), random), kStart);
}

TEST(AcmeSchedule, DrawsAPointOfTheSuggestedWindow) {
  SeededRandom random(1);
  const RenewalWindow window{.start = kStart.after(28h * 24), .end = kStart.after(30h * 24)};
  for (int i = 0; i < 100; ++i) {
    const WallTime point = renewal_time(lifetime(45 * kDay), window, kStart, random);
    EXPECT_LE(window.start, point);
    EXPECT_LE(point, window.end);
  }
}

TEST(AcmeSchedule, NeitherReplacesANewCertificateNorWaitsForTheEnd) {
  SeededRandom random(1);
  const RenewalWindow past{.start = {.seconds = 0}, .end = {.seconds = 1}};
  EXPECT_EQ(renewal_time(lifetime(45 * kDay), past, kStart, random), kStart.after(1h));
  EXPECT_EQ(renewal_time(lifetime(60), past, kStart, random), kStart.after(15s));
  const RenewalWindow early{.start = kStart, .end = kStart.after(1h)};
  EXPECT_EQ(renewal_time(lifetime(45 * kDay), early, kStart, random), kStart.after(24h));
  const RenewalWindow late{.start = kStart.after(24h * 400), .end = kStart.after(24h * 4000)};
  EXPECT_EQ(renewal_time(lifetime(100 * kDay), late, kStart, random), kStart.after(24h * 90));
}

TEST(AcmeSchedule, BacksOff) {
  SeededRandom random(1);
  EXPECT_GE(delay_after_troubles(1, random), 1min);
  EXPECT_LE(delay_after_troubles(1, random), 66s);
  EXPECT_GE(delay_after_troubles(3, random), 4min);
  EXPECT_GE(delay_after_troubles(1000, random), 6h);
  EXPECT_LE(delay_after_troubles(1000, random), 7h);
  EXPECT_EQ(delay_after_failures(1), 10min);
  EXPECT_EQ(delay_after_failures(2), 1h);
  EXPECT_EQ(delay_after_failures(3), 6h);
  EXPECT_EQ(delay_after_failures(4), 24h);
  EXPECT_EQ(delay_after_failures(4000), 24h);
}

}  // namespace
}  // namespace warren::acme
