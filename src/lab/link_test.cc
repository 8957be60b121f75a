#include "lab/link.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace warren::lab {

namespace {

constexpr TimePoint kStart{1000s};
constexpr std::size_t kSize = 1250;  // bytes: 10 ms at 1 Mbit/s

// Sends a packet every `interval` and returns all arrivals in the order of sending.
std::vector<TimePoint> send(Link& link, int packets, Duration interval) {
  std::vector<TimePoint> out;
  for (int i = 0; i < packets; ++i) {
    for (const TimePoint arrival : link.carry(kSize, kStart + i * interval)) out.push_back(arrival);
  }
  return out;
}

}  // namespace

TEST(Link, DoesNothingByDefault) {
  Link link({}, 1);
  EXPECT_EQ(link.carry(kSize, kStart), std::vector{kStart});
}

TEST(Link, Delays) {
  Link link({.delay = 20ms}, 1);
  EXPECT_EQ(link.carry(kSize, kStart), std::vector{kStart + 20ms});
}

TEST(Link, AddsJitterWithoutOvertaking) {
  Link link({.delay = 20ms, .jitter = 10ms}, 1);
  const auto arrivals = send(link, 1000, 1ms);
  EXPECT_TRUE(std::ranges::is_sorted(arrivals));
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const Duration time = arrivals[i] - (kStart + static_cast<int>(i) * 1ms);
    EXPECT_GE(time, 20ms);
    EXPECT_LE(time, 30ms);
  }
}

TEST(Link, OvertakesByJitterWhereOrderIsNotKept) {
  Link link({.jitter = 10ms, .keeps_order = false}, 1);
  EXPECT_FALSE(std::ranges::is_sorted(send(link, 1000, 1ms)));
}

TEST(Link, HoldsBackSomePacketsForTheOthersToOvertake) {
  Link link({.delay = 1ms, .reorder_percent = 10, .reorder_delay = 50ms}, 1);
  const auto arrivals = send(link, 1000, 1ms);
  EXPECT_FALSE(std::ranges::is_sorted(arrivals));
  int held = 0;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (arrivals[i] > kStart + static_cast<int>(i) * 1ms + 1ms) ++held;
  }
  EXPECT_NEAR(held, 100, 40);
}

TEST(Link, LosesTheWantedShare) {
  for (const double percent : {1.0, 5.0, 50.0, 90.0}) {
    for (const unsigned burst : {1U, 4U, 20U}) {
      SCOPED_TRACE(percent);
      SCOPED_TRACE(burst);
      Link link({.loss_percent = percent, .loss_burst = burst}, 1);
      const int packets = 100'000;
      const auto arrivals = send(link, packets, 1ms);
      EXPECT_EQ(arrivals.size() + link.lost(), packets);
      EXPECT_NEAR(static_cast<double>(link.lost()) / packets * 100, percent, 0.5 + percent / 10);
    }
  }
}

TEST(Link, LosesInBurstsOfTheWantedLength) {
  Link link({.loss_percent = 5, .loss_burst = 8}, 1);
  int lost = 0;
  int bursts = 0;
  bool was_lost = false;
  for (int i = 0; i < 100'000; ++i) {
    const bool is_lost = link.carry(kSize, kStart).empty();
    if (is_lost) ++lost;
    if (is_lost && !was_lost) ++bursts;
    was_lost = is_lost;
  }
  EXPECT_NEAR(static_cast<double>(lost) / bursts, 8, 1);
}

TEST(Link, LosesEverythingAtAHundredPercent) {
  for (const unsigned burst : {1U, 4U}) {
    Link link({.loss_percent = 100, .loss_burst = burst}, 1);
    EXPECT_TRUE(send(link, 1000, 1ms).empty());
    link.set_quality({});
    EXPECT_EQ(send(link, 1000, 1ms).size(), 1000);
  }
}

TEST(Link, Duplicates) {
  Link link({.duplicate_percent = 10}, 1);
  EXPECT_NEAR(static_cast<double>(send(link, 10'000, 1ms).size()), 11'000, 200);
}

TEST(Link, SendsAtItsRateAndDropsWhatTheQueueCannotHold) {
  Link link({.delay = 5ms, .rate_bits_per_second = 1'000'000, .queue = 50ms}, 1);
  const auto arrivals = send(link, 10, 0ms);
  ASSERT_EQ(arrivals.size(), 6);  // one at once and 50 ms of queue
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(arrivals[static_cast<std::size_t>(i)], kStart + 10ms * (i + 1) + 5ms);
  }
  EXPECT_EQ(link.overflowed(), 4);
  EXPECT_EQ(link.lost(), 0);
  EXPECT_EQ(link.carry(kSize, kStart + 1s), std::vector{kStart + 1s + 15ms});
}

TEST(Link, DoesTheSameForTheSameSeed) {
  const LinkQuality quality{.delay = 10ms,
                            .jitter = 5ms,
                            .loss_percent = 10,
                            .loss_burst = 3,
                            .duplicate_percent = 5,
                            .reorder_percent = 5,
                            .reorder_delay = 20ms};
  Link a(quality, 7);
  Link b(quality, 7);
  Link c(quality, 8);
  const auto arrivals = send(a, 1000, 1ms);
  EXPECT_EQ(arrivals, send(b, 1000, 1ms));
  EXPECT_NE(arrivals, send(c, 1000, 1ms));
}

}  // namespace warren::lab
