#include "path/home_choice.h"

#include <gtest/gtest.h>

#include "path/constants.h"

namespace warren::path {
namespace {

constexpr TimePoint kStart{1000s};
constexpr relay::RegionId kNear{1};
constexpr relay::RegionId kFar{2};

relay::Map two_regions() {
  relay::Map map;
  map.regions.resize(2);
  map.regions[0].id = kNear;
  map.regions[1].id = kFar;
  return map;
}

std::vector<RegionLatency> latencies(std::optional<Duration> near, std::optional<Duration> far) {
  std::vector<RegionLatency> out(2);
  out[0].region = kNear;
  out[0].v4 = near;
  out[1].region = kFar;
  out[1].v4 = far;
  return out;
}

bool never(relay::RegionId /*region*/) {
  return false;
}

bool always(relay::RegionId /*region*/) {
  return true;
}

TEST(HomeChoice, TakesTheNearest) {
  HomeChoice choice;
  EXPECT_EQ(choice.choose(two_regions(), latencies(20ms, 80ms), {}, never, kStart), kNear);
}

TEST(HomeChoice, KnowsNoneWhenNothingAnswered) {
  HomeChoice choice;
  EXPECT_EQ(choice.choose(two_regions(), latencies({}, {}), {}, never, kStart), relay::kNoRegion);
  EXPECT_EQ(choice.choose(two_regions(), latencies({}, {}), kFar, never, kStart), kFar);
}

TEST(HomeChoice, StaysWhenTheOtherIsLittleBetter) {
  HomeChoice choice;
  EXPECT_EQ(choice.choose(two_regions(), latencies(20ms, 29ms), kFar, never, kStart), kFar);
  EXPECT_EQ(choice.choose(two_regions(), latencies(80ms, 100ms), kFar, never, kStart), kFar);
  EXPECT_EQ(choice.choose(two_regions(), latencies(20ms, 100ms), kFar, never, kStart), kNear);
}

TEST(HomeChoice, OneUnansweredReportMovesNobodyWhoIsConnected) {
  HomeChoice choice;
  choice.choose(two_regions(), latencies(20ms, 80ms), {}, always, kStart);
  EXPECT_EQ(choice.choose(two_regions(), latencies({}, 80ms), kNear, always, kStart + 30s), kNear);
  EXPECT_EQ(choice.choose(two_regions(), latencies({}, 80ms), kNear, never, kStart + 60s), kFar);
}

TEST(HomeChoice, RemembersTheBestOfFiveMinutes) {
  HomeChoice choice;
  choice.choose(two_regions(), latencies(20ms, 80ms), {}, always, kStart);
  // A full queue somewhere: for once the near one looks slow.
  EXPECT_EQ(choice.choose(two_regions(), latencies(300ms, 80ms), kNear, always, kStart + 30s),
            kNear);
  EXPECT_EQ(choice.choose(two_regions(), latencies(300ms, 80ms), kNear, always,
                          kStart + 30s + kLatencyHistory),
            kFar);
}

TEST(HomeChoice, WeighsByTheMapsScore) {
  HomeChoice choice;
  relay::Map map = two_regions();
  map.regions[0].score = 10;
  EXPECT_EQ(choice.choose(map, latencies(20ms, 80ms), {}, never, kStart), kFar);
}

TEST(HomeChoice, KeepsABoundedHistory) {
  HomeChoice choice;
  for (int i = 0; i < 1000; ++i)
    choice.choose(two_regions(), latencies(20ms, 80ms), {}, never, kStart);
  EXPECT_EQ(choice.size(), kMaxReports);
}

}  // namespace
}  // namespace warren::path
