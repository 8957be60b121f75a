#include "relay/client/back_off.h"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "relay/client/constants.h"

namespace warren::relay::client {
namespace {

using Ended = BackOff::Ended;

constexpr TimePoint kStart = TimePoint{} + 1h;

// The bounds of the first waits: none is longer, and the whole range is used.
template <std::size_t n>
void expect_bounds(const std::array<Duration, n>& bounds,
                   const std::function<Duration(BackOff&)>& next,
                   const std::function<void(BackOff&)>& prepare) {
  SeededRandom random(1);
  std::array<Duration, n> longest{};
  for (int i = 0; i < 2000; ++i) {
    BackOff back_off(random);
    prepare(back_off);
    for (Duration& most : longest) most = std::max(most, next(back_off));
  }
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_LT(longest[i], bounds[i]) << i;
    EXPECT_GT(longest[i], bounds[i] * 9 / 10) << i;
  }
}

TEST(BackOff, BeginsAtOnceAndDoublesUpToTheCap) {
  constexpr std::array<Duration, 9> kBounds = {50ms, 250ms, 500ms, 1s, 2s, 4s, 5s, 5s, 5s};
  for (const Ended ended : {Ended::Unanswered, Ended::Answered}) {
    expect_bounds(kBounds, [&](BackOff& it) { return it.next(ended, kStart); }, [](BackOff&) {});
  }
}

TEST(BackOff, StaysQuickAfterALossWhileNothingAnswers) {
  expect_bounds(
      std::array<Duration, 6>{50ms, 250ms, 500ms, 500ms, 500ms, 500ms},
      [](BackOff& it) { return it.next(Ended::Unanswered, kStart + kQuickRetries - 1ns); },
      [](BackOff& it) { it.on_lost(kStart); });
}

TEST(BackOff, GrowsToTheCapWhenTheRelayStaysAway) {
  expect_bounds(
      std::array<Duration, 6>{500ms, 1s, 2s, 4s, 5s, 5s},
      [](BackOff& it) { return it.next(Ended::Unanswered, kStart + kQuickRetries); },
      [](BackOff& it) {
        it.on_lost(kStart);
        for (int i = 0; i < 60; ++i) it.next(Ended::Unanswered, kStart + 10s);
      });
}

TEST(BackOff, DoublesAfterALossWhenTheRelayAnswersAndDoesNotLetUsIn) {
  expect_bounds(
      std::array<Duration, 7>{50ms, 250ms, 500ms, 1s, 2s, 4s, 5s},
      [](BackOff& it) { return it.next(Ended::Answered, kStart + 1s); },
      [](BackOff& it) { it.on_lost(kStart); });
  // What it has grown to stays, also when the relay is too busy to answer.
  expect_bounds(
      std::array<Duration, 3>{2s, 2s, 2s},
      [](BackOff& it) { return it.next(Ended::Unanswered, kStart + 1s); },
      [](BackOff& it) {
        it.on_lost(kStart);
        for (int i = 0; i < 4; ++i) it.next(Ended::Answered, kStart);
      });
}

TEST(BackOff, ResetBeginsAnew) {
  SeededRandom random(1);
  BackOff back_off(random);
  for (int i = 0; i < 20; ++i) back_off.next(Ended::Unanswered, kStart);
  back_off.reset();
  EXPECT_LT(back_off.next(Ended::Unanswered, kStart), kFirstRetryJitter);
}

TEST(BackOff, WaitsOnceForAServerThatRestarts) {
  SeededRandom random(1);
  BackOff back_off(random);
  back_off.on_restarting(800ms);
  const Duration wait = back_off.next(Ended::Answered, kStart);
  EXPECT_GE(wait, 800ms);
  EXPECT_LT(wait, 1600ms);
  EXPECT_LT(back_off.next(Ended::Unanswered, kStart), kFirstRetryJitter);
  back_off.on_restarting(10h);
  EXPECT_LE(back_off.next(Ended::Unanswered, kStart), 2 * kMaxRestartWait);
}

TEST(BackOff, IsQuickFromTheTimeThatARestartingServerNamed) {
  SeededRandom random(1);
  BackOff back_off(random);
  back_off.on_lost(kStart);
  back_off.on_restarting(kMaxRestartWait);
  const TimePoint back = kStart + back_off.next(Ended::Answered, kStart);
  for (int i = 0; i < 100; ++i) {
    EXPECT_LT(back_off.next(Ended::Unanswered, back + kQuickRetries - 1ns), kQuickRetryStep);
  }
}

// Demand R11: ten thousand machines lose their relay at once. It is gone for a while, and then
// performs as many handshakes as a relay of ours does (io/listener.h) and closes all else.
TEST(BackOff, AWaveEbbsWhenTheRelayCannotTakeItAtOnce) {
  constexpr std::size_t kMachines = 10'000;
  constexpr Duration kAway = 2s;
  constexpr Duration kHandshake = 2ms;
  SeededRandom random(1);
  std::vector<BackOff> machines(kMachines, BackOff(random));
  using Due = std::pair<TimePoint, std::size_t>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  for (std::size_t i = 0; i < kMachines; ++i) {
    machines[i].on_lost(kStart);
    due.emplace(kStart + machines[i].next(Ended::Answered, kStart), i);
  }
  std::array<std::size_t, 120> attempts{};  // in each second since the relay is back
  TimePoint free_at = kStart + kAway;
  TimePoint last_login;
  while (!due.empty()) {
    const auto [now, who] = due.top();
    due.pop();
    const bool is_back = now >= kStart + kAway;
    if (is_back) ++attempts.at(static_cast<std::size_t>((now - kStart - kAway) / 1s));
    if (is_back && now >= free_at) {
      free_at = now + kHandshake;
      last_login = now;
      continue;
    }
    const auto ended = is_back ? Ended::Answered : Ended::Unanswered;
    due.emplace(now + machines[who].next(ended, now), who);
  }
  EXPECT_LT(attempts[0], 4 * kMachines);
  EXPECT_LT(attempts[5], kMachines / 2);
  const Duration spread = last_login - kStart - kAway;
  EXPECT_GT(spread, 30s);
  EXPECT_LT(spread, 40s);
}

}  // namespace
}  // namespace warren::relay::client
