#include "relay/client/liveness.h"

#include <gtest/gtest.h>

#include "relay/client/constants.h"

namespace warren::relay::client {
namespace {

using Verdict = Liveness::Verdict;

constexpr PingData kPing = {1, 2, 3};

TEST(Liveness, PingsWhenAWriteIsNotAnsweredAndGivesUp) {
  TimePoint now{};
  Liveness liveness;
  liveness.start(20ms, now);
  liveness.on_written(now);
  EXPECT_EQ(liveness.next_timeout(), now + kQuietAfterWrite);
  now += kQuietAfterWrite;
  EXPECT_EQ(liveness.verdict(now), Verdict::Ping);
  liveness.on_ping_sent(kPing, now);
  EXPECT_EQ(liveness.next_timeout(), now + kMinPongWait);
  EXPECT_EQ(liveness.verdict(now + kMinPongWait - 1ns), Verdict::Wait);
  EXPECT_EQ(liveness.verdict(now + kMinPongWait), Verdict::Dead);
}

TEST(Liveness, IsContentWithAnythingHeard) {
  TimePoint now{};
  Liveness liveness;
  liveness.start(20ms, now);
  liveness.on_written(now);
  liveness.on_heard(now += 100ms);
  EXPECT_EQ(liveness.next_timeout(), now + kQuietIdle);
  liveness.on_ping_sent(kPing, now += 1s);
  liveness.on_heard(now += 400ms);
  EXPECT_EQ(liveness.next_timeout(), now + kMinPongWait);
}

TEST(Liveness, WaitsAsLongAsMeasuredRoundTripsAsk) {
  TimePoint now{};
  Liveness liveness;
  liveness.start(400ms, now);
  EXPECT_EQ(liveness.pong_wait(), 1200ms);  // RFC 6298: round trip + 4 * half of it
  for (int i = 0; i < 60; ++i) {
    liveness.on_ping_sent(kPing, now);
    liveness.on_pong(kPing, now += 100ms);
  }
  EXPECT_EQ(liveness.pong_wait(), kMinPongWait);
  EXPECT_LT(liveness.round_trip(), 110ms);
  liveness.start(1h, now);
  EXPECT_EQ(liveness.pong_wait(), kMaxPongWait);
}

TEST(Liveness, IgnoresAPongThatAnswersNothing) {
  TimePoint now{};
  Liveness liveness;
  liveness.start(100ms, now);
  EXPECT_FALSE(liveness.on_pong(kPing, now));
  liveness.on_ping_sent(kPing, now);
  EXPECT_FALSE(liveness.on_pong(PingData{9}, now += 1s));
  EXPECT_EQ(liveness.verdict(now), Verdict::Dead);
}

TEST(Liveness, ChecksAtOnceWhenAsked) {
  const TimePoint now{};
  Liveness liveness;
  liveness.start(100ms, now);
  liveness.check(now);
  EXPECT_EQ(liveness.verdict(now), Verdict::Ping);
}

TEST(Liveness, AsksAgainWhenACheckCameBeforeThePong) {
  TimePoint now{};
  Liveness liveness;
  liveness.start(100ms, now);
  liveness.on_ping_sent(kPing, now);
  const TimePoint checked = now += 10ms;
  liveness.check(checked);
  EXPECT_EQ(liveness.verdict(now), Verdict::Wait);  // one ping at a time
  liveness.on_heard(now += 10ms);
  liveness.on_pong(kPing, now);
  EXPECT_EQ(liveness.next_timeout(), checked);
  EXPECT_EQ(liveness.verdict(now), Verdict::Ping);
  liveness.on_ping_sent(kPing, now);
  EXPECT_EQ(liveness.next_timeout(), now + liveness.pong_wait());
}

}  // namespace
}  // namespace warren::relay::client
