#include "path/discovery.h"

#include <vector>

#include <gtest/gtest.h>

#include "path/constants.h"

namespace warren::path {
namespace {

constexpr TimePoint kStart{1000s};

struct Events {
  std::vector<Duration> pings;  // since kStart
  std::vector<Duration> calls;
};

Events run(Discovery& discovery, Duration time) {
  Events events;
  while (discovery.next_timeout() <= kStart + time) {
    const TimePoint now = discovery.next_timeout();
    const Discovery::Due due = discovery.take(now);
    if (due.ping) events.pings.push_back(now - kStart);
    if (due.call) events.calls.push_back(now - kStart);
  }
  return events;
}

TEST(Discovery, RepeatsPingsWhenTheCallMayHaveOpenedTheWay) {
  Discovery discovery;
  discovery.ping(100ms, kStart);
  EXPECT_EQ(run(discovery, 60s).pings,
            (std::vector<Duration>{0ms, 50ms, 100ms, 200ms, 400ms, 800ms, 1600ms}));
  EXPECT_FALSE(discovery.running());
}

TEST(Discovery, GoesOnForEverButNeverLessOftenThanTheLimit) {
  Discovery discovery;
  discovery.start(100ms, kStart);
  const Events events = run(discovery, 3600s);
  EXPECT_EQ((std::vector(events.calls.begin(), events.calls.begin() + 5)),
            (std::vector<Duration>{0ms, 500ms, 1500ms, 7500ms, 15500ms}));
  for (std::size_t i = 1; i < events.calls.size(); ++i)
    EXPECT_LE(events.calls[i] - events.calls[i - 1], kLastRound);
  EXPECT_GE(events.calls.back(), 3600s - kLastRound);
  EXPECT_LT(events.calls.size(), 130);
}

TEST(Discovery, TakesNothingBeforeItsTime) {
  Discovery discovery;
  discovery.start(100ms, kStart);
  discovery.take(kStart);
  const Discovery::Due due = discovery.take(kStart + 1ms);
  EXPECT_FALSE(due.ping);
  EXPECT_FALSE(due.call);
}

TEST(Discovery, StopsForGood) {
  Discovery discovery;
  discovery.start(100ms, kStart);
  discovery.stop();
  EXPECT_EQ(discovery.next_timeout(), kNever);
  EXPECT_FALSE(discovery.running());
}

TEST(Discovery, SpacesPingsOfANearbyRelay) {
  Discovery discovery;
  discovery.ping(Duration(0), kStart);
  const Events events = run(discovery, 10s);
  EXPECT_LE(events.pings.size(), 64);
  for (std::size_t i = 1; i < events.pings.size(); ++i)
    EXPECT_GE(events.pings[i] - events.pings[i - 1], kPingSpacing);
}

}  // namespace
}  // namespace warren::path
