#include "node/core/retry.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace warren::node {
namespace {

TEST(Retry, FindsARestartedServerWithinASecond) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededRandom random(seed);
    Retry retry(random);
    TimePoint now{1000s};
    const TimePoint end = now + 29s;
    while (now < end) {
      const Duration wait = retry.next(now);
      EXPECT_LE(wait, 500ms);
      now += wait + 1ms;
    }
  }
}

TEST(Retry, RestsInALongOutage) {
  SeededRandom random(1);
  Retry retry(random);
  TimePoint now{1000s};
  const TimePoint start = now;
  int tries = 0;
  while (now < start + 1h) {
    now += retry.next(now) + 1ms;
    ++tries;
  }
  EXPECT_LT(tries, 500);
}

TEST(Retry, BeginsAnewAfterSuccess) {
  SeededRandom random(1);
  Retry retry(random);
  TimePoint now{1000s};
  for (int i = 0; i < 100; ++i) now += retry.next(now);
  retry.reset();
  EXPECT_LE(retry.next(now), 50ms);
}

}  // namespace
}  // namespace warren::node
