#include "control/core/marks.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace warren::control {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr TimePoint kNow = TimePoint(1000s);

std::uint8_t bits(Mark mark) {
  return static_cast<std::uint8_t>(mark);
}

TEST(Marks, MergeWhatHappensToOneNode) {
  Marks marks;
  marks.mark(3, Mark::Path, kNow);
  marks.mark(3, Mark::Online, kNow);
  marks.mark(3, Mark::Path, kNow);
  EXPECT_THAT(marks.take().nodes, ElementsAre(Pair(3, bits(Mark::Path) | bits(Mark::Online))));
  EXPECT_TRUE(marks.is_empty());
}

TEST(Marks, AreDueAsTheirMostUrgentIs) {
  Marks marks;
  EXPECT_EQ(marks.due(), kNever);
  marks.mark(1, Mark::Cosmetic, kNow);
  EXPECT_EQ(marks.due(), kNow + 1s);
  marks.mark(2, Mark::Path, kNow + 100ms);
  EXPECT_EQ(marks.due(), kNow + 120ms);
  marks.mark(HeadMark::Filter, kNow + 110ms);
  EXPECT_EQ(marks.due(), kNow + 112ms);
}

TEST(Marks, SayOnceThatANodeIsGoneAndOnlyToThoseWhoKnewIt) {
  Marks marks;
  marks.mark(1, Mark::Full, kNow);
  marks.remove(1, {10}, kNow);
  EXPECT_TRUE(marks.take().gone.empty()) << "was never told";
  marks.set_told(2);
  marks.mark(2, Mark::Path, kNow);
  marks.remove(2, {20}, kNow);
  marks.remove(2, {20}, kNow);
  const auto news = marks.take();
  EXPECT_THAT(news.gone, ElementsAre(netmap::NodeId{20}));
  EXPECT_TRUE(news.nodes.empty());
  EXPECT_FALSE(marks.was_told(2));
}

// Few or many: the same as a map of slots to bits.
TEST(Marks, ForgetNothingHoweverManyTheyAre) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    Marks marks;
    std::map<Slot, std::uint8_t> model;
    for (std::uint64_t i = random.below(300); i > 0; --i) {
      const auto slot = static_cast<Slot>(random.below(200));
      const auto mark = static_cast<Mark>(1U << random.below(5));
      marks.mark(slot, mark, kNow);
      model[slot] |= bits(mark);
      if (random.below(10) == 0) {
        const auto other = static_cast<Slot>(random.below(200));
        marks.remove(other, {1}, kNow);
        model.erase(other);
      }
    }
    const auto news = marks.take();
    EXPECT_EQ((std::map<Slot, std::uint8_t>(news.nodes.begin(), news.nodes.end())), model);
  }
}

}  // namespace
}  // namespace warren::control
