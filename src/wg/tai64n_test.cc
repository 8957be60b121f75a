#include "wg/tai64n.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::wg {
namespace {

TEST(Tai64n, CountsFromTheEpochOfTaiAndClearsLowBits) {
  // spec: paths appendix A, note 1.
  EXPECT_EQ(to_hex(to_tai64n({.seconds = 0x6b015a91 - 10, .nanoseconds = 0x14abcdef})),
            "400000006b015a9114000000");
  EXPECT_EQ(to_hex(to_tai64n({.seconds = 0, .nanoseconds = 0xffffff})), "400000000000000a00000000");
}

TEST(Tai64n, FollowsTheClockWhileItMovesOn) {
  const Tai64n first = next_tai64n({.seconds = 100, .nanoseconds = 0}, Tai64n{});
  const WallTime later{.seconds = 100, .nanoseconds = 20'000'000};
  EXPECT_EQ(next_tai64n(later, first), to_tai64n(later));
}

TEST(Tai64n, StepsOnWithinOneStepOfTheClock) {
  const WallTime now{.seconds = 100, .nanoseconds = 5'000'000};
  const Tai64n first = next_tai64n(now, Tai64n{});
  const Tai64n second = next_tai64n(now, first);
  EXPECT_GT(second, first);
  EXPECT_GT(next_tai64n(now, second), second);
}

TEST(Tai64n, StepsOnWhenTheClockGoesBack) {
  const Tai64n first = next_tai64n({.seconds = 10'000, .nanoseconds = 990'000'000}, Tai64n{});
  const Tai64n second = next_tai64n({.seconds = 6'400, .nanoseconds = 0}, first);
  EXPECT_EQ(second, to_tai64n({.seconds = 10'001, .nanoseconds = 0}));
}

}  // namespace
}  // namespace warren::wg
