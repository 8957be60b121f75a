#include "base/time_text.h"

#include <gtest/gtest.h>

namespace warren {

namespace {

// The two ends are those of `date -u -d @SECONDS`; the others are from recorded control traffic.
TEST(TimeText, WritesUtcWithTheDigitsThatAreNeeded) {
  EXPECT_EQ(to_rfc3339({}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339({.seconds = 123}), "1970-01-01T00:02:03Z");
  EXPECT_EQ(to_rfc3339({.seconds = 1'795'250'808, .nanoseconds = 907'216'097}),
            "2026-11-21T08:46:48.907216097Z");
  EXPECT_EQ(to_rfc3339({.seconds = -62'135'596'800}), "0001-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339({.seconds = -1, .nanoseconds = 500'000'000}), "1969-12-31T23:59:59.5Z");
  EXPECT_EQ(to_rfc3339({.seconds = INT64_MAX}), "9999-12-31T23:59:59Z");
  EXPECT_EQ(to_rfc3339({.seconds = INT64_MIN}), "0000-01-01T00:00:00Z");
}

TEST(TimeText, ReadsOffsetsAndFractions) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:02:03Z"), WallTime{.seconds = 123});
  EXPECT_EQ(parse_rfc3339("1970-01-01T01:02:03+01:00"), WallTime{.seconds = 123});
  EXPECT_EQ(parse_rfc3339("1969-12-31T19:32:03-04:30"), WallTime{.seconds = 123});
  EXPECT_EQ(parse_rfc3339("2026-11-21T08:46:48.90721609799Z"),
            (WallTime{.seconds = 1'795'250'808, .nanoseconds = 907'216'097}));
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00.5Z"),
            (WallTime{.seconds = 1'709'164'800, .nanoseconds = 500'000'000}));
  EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z"), WallTime{.seconds = -62'135'596'800});
}

TEST(TimeText, RefusesOtherForms) {
  constexpr std::string_view kWhole = "2026-11-21T08:46:48.5+01:30";
  ASSERT_TRUE(parse_rfc3339(kWhole));
  for (std::size_t n = 0; n < kWhole.size(); ++n) {
    EXPECT_FALSE(parse_rfc3339(kWhole.substr(0, n))) << "length " << n;
  }
  for (const std::string_view text :
       {"2026-11-21", "2026-11-21t08:46:48Z", "2026-11-21T08:46:48z", "2026-11-21 08:46:48Z",
        "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T08:60:00Z", "2026-11-21T08:00:60Z",
        "2026-11-21T08:46:48.Z", "2026-11-21T08:46:48,5Z", "2026-11-21T08:46:48Z ",
        "2026-11-21T08:46:48*01:00", "2026-11-21T08:46:48+24:00", "-026-11-21T08:46:48Z",
        "2026-11-21T8:46:48Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(TimeText, ReadsWhatItWrites) {
  for (const WallTime& time : {WallTime{}, WallTime{.seconds = -1, .nanoseconds = 1},
                               WallTime{.seconds = 4'107'542'399}}) {
    EXPECT_EQ(parse_rfc3339(to_rfc3339(time)), time);
  }
}

}  // namespace

}  // namespace warren
