#include "node/os/restore_schedule.h"

#include <gtest/gtest.h>

namespace warren::node {
namespace {

constexpr TimePoint kStart{1000s};

TEST(RestoreSchedule, WaitsAMomentForAllThatAreRemovedTogether) {
  RestoreSchedule schedule;
  EXPECT_EQ(schedule.next_timeout(), kNever);
  schedule.on_removed(kStart);
  schedule.on_removed(kStart + 100ms);
  EXPECT_EQ(schedule.next_timeout(), kStart + 250ms);
  EXPECT_FALSE(schedule.on_timeout(kStart + 249ms));
  EXPECT_TRUE(schedule.on_timeout(kStart + 250ms));
  EXPECT_FALSE(schedule.on_timeout(kStart + 1s));
  EXPECT_EQ(schedule.next_timeout(), kNever);
}

TEST(RestoreSchedule, SlowsDownWhenSomebodyRemovesThemAgainAndAgain) {
  RestoreSchedule schedule;
  TimePoint now = kStart;
  std::size_t restored = 0;
  while (now < kStart + 100s) {
    schedule.on_removed(now);
    now = schedule.next_timeout();
    ASSERT_TRUE(schedule.on_timeout(now));
    ++restored;
  }
  EXPECT_GE(restored, 10U + 19U);
  EXPECT_LE(restored, 10U + 21U);
}

}  // namespace
}  // namespace warren::node
