#include "plain/endpoint_schedule.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::plain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Lookup = EndpointSchedule::Lookup;

Lookup lookup(std::uint8_t peer, const std::string& host) {
  const std::array<std::uint8_t, kKeySize> bytes{peer};
  return {NodePublicKey(bytes), {host, 51820}};
}

TEST(EndpointSchedule, LooksUpAtOnceAndWhenAPeerNoLongerAnswers) {
  TimePoint now{};
  EndpointSchedule schedule;
  EXPECT_EQ(schedule.next_timeout(), kNever);
  const Lookup a = lookup(1, "a.example");
  schedule.set_names({a}, now);
  EXPECT_EQ(schedule.next_timeout(), now);
  EXPECT_THAT(schedule.take_due(now), ElementsAre(a));
  EXPECT_THAT(schedule.take_due(now), IsEmpty());
  EXPECT_TRUE(schedule.on_found(a));
  EXPECT_EQ(schedule.next_timeout(), kNever);
  schedule.on_given_up(a.peer, now += 90s);
  EXPECT_THAT(schedule.take_due(now), ElementsAre(a));
  schedule.on_given_up(a.peer, now);
  EXPECT_EQ(schedule.next_timeout(), kNever) << "it is being looked up";
}

TEST(EndpointSchedule, PausesGrowToAMinuteAndStartAnewAfterSuccess) {
  TimePoint now{};
  EndpointSchedule schedule;
  const Lookup a = lookup(1, "a.example");
  schedule.set_names({a}, now);
  for (const Duration pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    ASSERT_THAT(schedule.take_due(now), SizeIs(1));
    EXPECT_EQ(schedule.on_failed(a, now), pause);
    EXPECT_EQ(schedule.next_timeout(), now + pause);
    schedule.on_given_up(a.peer, now);
    EXPECT_THAT(schedule.take_due(now + pause - 1ns), IsEmpty()) << "giving up ends no pause";
    now += pause;
  }
  ASSERT_THAT(schedule.take_due(now), SizeIs(1));
  EXPECT_TRUE(schedule.on_found(a));
  schedule.on_given_up(a.peer, now);
  ASSERT_THAT(schedule.take_due(now), SizeIs(1));
  EXPECT_EQ(schedule.on_failed(a, now), 1s);
}

TEST(EndpointSchedule, IgnoresAnswersForNamesThatAreGone) {
  const TimePoint now{};
  EndpointSchedule schedule;
  const Lookup before = lookup(1, "before.example");
  const Lookup after = lookup(1, "after.example");
  schedule.set_names({before}, now);
  ASSERT_THAT(schedule.take_due(now), SizeIs(1));
  schedule.set_names({after}, now);
  EXPECT_FALSE(schedule.on_found(before));
  EXPECT_THAT(schedule.take_due(now), ElementsAre(after));
  schedule.set_names({}, now);
  EXPECT_EQ(schedule.on_failed(after, now), Duration::zero());
  EXPECT_EQ(schedule.next_timeout(), kNever);
}

TEST(EndpointSchedule, LeavesNamesAloneThatDidNotChange) {
  const TimePoint now{};
  EndpointSchedule schedule;
  const Lookup a = lookup(1, "a.example");
  schedule.set_names({a}, now);
  ASSERT_THAT(schedule.take_due(now), SizeIs(1));
  schedule.set_names({a, lookup(2, "b.example")}, now);
  EXPECT_THAT(schedule.take_due(now), ElementsAre(lookup(2, "b.example")));
  EXPECT_TRUE(schedule.on_found(a));
}

TEST(EndpointSchedule, BoundsWhatIsInFlight) {
  const TimePoint now{};
  EndpointSchedule schedule;
  std::vector<Lookup> names;
  names.reserve(9);
  for (std::uint8_t i = 0; i < 9; ++i) names.push_back(lookup(i, "host.example"));
  schedule.set_names(names, now);
  const auto first = schedule.take_due(now);
  ASSERT_THAT(first, SizeIs(EndpointSchedule::kMaxInFlight));
  EXPECT_EQ(schedule.next_timeout(), kNever);
  EXPECT_TRUE(schedule.on_found(first[0]));
  EXPECT_EQ(schedule.next_timeout(), now);
  EXPECT_THAT(schedule.take_due(now), SizeIs(1));
}

}  // namespace
}  // namespace warren::plain
