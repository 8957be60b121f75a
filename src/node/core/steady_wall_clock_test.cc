#include "node/core/steady_wall_clock.h"

#include <gtest/gtest.h>

namespace warren::node {
namespace {

TEST(SteadyWallClock, MovesWithTimeAlone) {
  const SteadyWallClock clock({.seconds = 100, .nanoseconds = 5}, TimePoint(7s));
  EXPECT_EQ(clock.at(TimePoint(7s)), (WallTime{.seconds = 100, .nanoseconds = 5}));
  EXPECT_EQ(clock.at(TimePoint(8500ms)), (WallTime{.seconds = 101, .nanoseconds = 5}));
}

}  // namespace
}  // namespace warren::node
