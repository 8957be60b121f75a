#include "relay/client/back_off.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "relay/client/constants.h"

namespace warren::relay::client {
namespace {

TEST(BackOff, BeginsAtOnceAndDoublesUpToTheCap) {
  SeededRandom random(1);
  std::array<Duration, 10> longest{};
  for (int i = 0; i < 2000; ++i) {
    BackOff back_off(random);
    for (Duration& most : longest) most = std::max(most, back_off.next());
  }
  const std::array<Duration, 10> bounds = {50ms, 250ms, 500ms, 1s, 2s, 4s, 5s, 5s, 5s, 5s};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    EXPECT_LT(longest[i], bounds[i]) << i;
    EXPECT_GT(longest[i], bounds[i] * 9 / 10) << i;  // the whole range is used
  }
}

TEST(BackOff, ResetBeginsAnew) {
  SeededRandom random(1);
  BackOff back_off(random);
  for (int i = 0; i < 20; ++i) back_off.next();
  back_off.reset();
  EXPECT_LT(back_off.next(), kFirstRetryJitter);
}

TEST(BackOff, WaitsOnceForAServerThatRestarts) {
  SeededRandom random(1);
  BackOff back_off(random);
  back_off.on_restarting(800ms);
  const Duration wait = back_off.next();
  EXPECT_GE(wait, 800ms);
  EXPECT_LT(wait, 1600ms);
  EXPECT_LT(back_off.next(), kFirstRetryJitter);
  back_off.on_restarting(10h);
  EXPECT_LE(back_off.next(), 2 * kMaxRestartWait);
}

}  // namespace
}  // namespace warren::relay::client
