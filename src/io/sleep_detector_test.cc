#include "io/sleep_detector.h"

#include <gtest/gtest.h>

namespace warren::io {
namespace {

TEST(SleepDetector, TellsOfEachSleepOnce) {
  SleepDetector detector(5s);
  EXPECT_FALSE(detector.has_slept(5s));
  EXPECT_TRUE(detector.has_slept(65s));
  EXPECT_FALSE(detector.has_slept(65s));
  EXPECT_TRUE(detector.has_slept(66s));
}

TEST(SleepDetector, TakesNoNoticeOfClocksThatAreReadOneAfterTheOther) {
  SleepDetector detector(5s);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(detector.has_slept(5s + 1ms * (i % 2)));
}

TEST(SleepDetector, IsAwakeWhileATestRuns) {
  SleepDetector detector;
  EXPECT_FALSE(detector.has_slept());
}

}  // namespace
}  // namespace warren::io
