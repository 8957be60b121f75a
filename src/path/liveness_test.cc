#include "path/liveness.h"

#include <gtest/gtest.h>

#include "path/constants.h"

namespace warren::path {
namespace {

constexpr TimePoint kStart{1000s};
constexpr Duration kLatency = 20ms;

Liveness proven() {
  Liveness liveness;
  liveness.install(kLatency, kStart);
  return liveness;
}

// Lets time pass up to `until`; returns when pings were asked for.
std::vector<TimePoint> run(Liveness& liveness, TimePoint until) {
  std::vector<TimePoint> pings;
  while (liveness.next_timeout() <= until) {
    const TimePoint now = liveness.next_timeout();
    if (liveness.on_timeout(now)) {
      liveness.on_sent(now);
      pings.push_back(now);
    }
  }
  return pings;
}

TEST(Liveness, TrustsAPongForItsTime) {
  const Liveness liveness = proven();
  EXPECT_FALSE(liveness.in_doubt(kStart + kTrust));
  EXPECT_TRUE(liveness.in_doubt(kStart + kTrust + 1ns));
}

TEST(Liveness, AsksNothingWhileNothingIsSent) {
  Liveness liveness = proven();
  EXPECT_TRUE(run(liveness, kStart + kTrust).empty());
}

TEST(Liveness, ProbesThenDoubtsWhenPacketsGoUnanswered) {
  Liveness liveness = proven();
  const TimePoint sent = kStart + 1s;
  liveness.on_sent(sent);
  EXPECT_EQ(run(liveness, sent + kSuspicion + 149ms),
            (std::vector{sent + kSuspicion, sent + kSuspicion + 50ms, sent + kSuspicion + 100ms}));
  EXPECT_FALSE(liveness.in_doubt(sent + kSuspicion + 149ms));
  run(liveness, sent + kSuspicion + 150ms);
  EXPECT_TRUE(liveness.in_doubt(sent + kSuspicion + 150ms));
  EXPECT_EQ(liveness.doubted_since(), sent + kSuspicion + 150ms);
}

TEST(Liveness, TrafficThatComesBackEndsSuspicionButEarnsNoTrust) {
  Liveness liveness = proven();
  liveness.on_sent(kStart + 1s);
  run(liveness, kStart + 1s + kSuspicion);
  liveness.on_traffic(kStart + 1s + kSuspicion + 10ms);
  EXPECT_TRUE(run(liveness, kStart + kTrust).empty());
  EXPECT_TRUE(liveness.in_doubt(kStart + kTrust + 1ns));
}

TEST(Liveness, WhatCameBeforeThePacketIsNoAnswerToIt) {
  Liveness liveness = proven();
  liveness.on_sent(kStart + 1s);
  liveness.on_traffic(kStart + 999ms);
  EXPECT_FALSE(run(liveness, kStart + 2s).empty());
}

TEST(Liveness, WaitsLongerOnASlowPath) {
  Liveness liveness;
  liveness.install(400ms, kStart);
  liveness.on_sent(kStart);
  liveness.on_sent(kStart + 1ms);
  EXPECT_EQ(run(liveness, kStart + 2500ms), (std::vector{kStart + 1201ms, kStart + 2001ms}));
}

TEST(Liveness, PongEndsDoubt) {
  Liveness liveness = proven();
  liveness.doubt(kStart + 1s);
  EXPECT_TRUE(liveness.in_doubt(kStart + 1s));
  liveness.on_pong(kLatency, kStart + 2s);
  EXPECT_FALSE(liveness.in_doubt(kStart + 2s));
  EXPECT_FALSE(liveness.in_doubt(kStart + 2s + kTrust));
}

TEST(Liveness, TrafficDoesNotEndDoubt) {
  Liveness liveness = proven();
  liveness.doubt(kStart + 1s);
  liveness.on_traffic(kStart + 2s);
  EXPECT_TRUE(liveness.in_doubt(kStart + 2s));
}

TEST(Liveness, ProbesADoubtfulPathLessAndLessOften) {
  Liveness liveness = proven();
  liveness.doubt(kStart);
  EXPECT_EQ(run(liveness, kStart + 3s),
            (std::vector{kStart, kStart + 50ms, kStart + 150ms, kStart + 350ms, kStart + 750ms,
                         kStart + 1550ms, kStart + 2550ms}));
}

TEST(Liveness, DoubtsAQuietPathWhenPacketsComeThroughTheRelay) {
  Liveness liveness = proven();
  liveness.on_traffic(kStart + 100ms);
  liveness.on_relayed(kStart + 100ms + kSuspicion - 1ns);
  EXPECT_FALSE(liveness.in_doubt(kStart + 100ms + kSuspicion));
  liveness.on_relayed(kStart + 100ms + kSuspicion);
  EXPECT_TRUE(liveness.in_doubt(kStart + 100ms + kSuspicion));
}

TEST(Liveness, IsNotDoubtedAgainAndAgainByAPeerThatSendsThroughTheRelay) {
  Liveness liveness = proven();
  TimePoint now = kStart + kSuspicion;
  unsigned doubts = 0;
  for (; now < kStart + 10 * kTrust; now += kSuspicion) {
    const bool was_in_doubt = liveness.in_doubt(now);
    liveness.on_relayed(now);
    if (!was_in_doubt && liveness.in_doubt(now)) ++doubts;
    liveness.on_pong(kLatency, now);
  }
  EXPECT_LE(doubts, 10U);
}

}  // namespace
}  // namespace warren::path
