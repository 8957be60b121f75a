#include "tunnel/trains.h"

#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace warren::tunnel {
namespace {

using Sizes = std::vector<std::uint16_t>;

std::vector<Train> trains_of(const Sizes& sizes, TrainLimits limits = {}) {
  std::vector<Train> out;
  Trains trains(sizes, limits);
  while (const auto train = trains.next()) out.push_back(*train);
  return out;
}

std::vector<std::size_t> counts_of(const Sizes& sizes, TrainLimits limits = {}) {
  std::vector<std::size_t> out;
  for (const Train& train : trains_of(sizes, limits)) out.push_back(train.count);
  return out;
}

TEST(Trains, GroupsEqualDatagramsAndOneShorterLast) {
  EXPECT_THAT(trains_of({100, 100, 60, 100}),
              ::testing::ElementsAre(
                  Train{.first = 0, .count = 3, .offset = 0, .bytes = 260, .segment_size = 100},
                  Train{.first = 3, .count = 1, .offset = 260, .bytes = 100, .segment_size = 0}));
}

TEST(Trains, GivesALoneDatagramNoSegmentSize) {
  EXPECT_THAT(trains_of({96}),
              ::testing::ElementsAre(
                  Train{.first = 0, .count = 1, .offset = 0, .bytes = 96, .segment_size = 0}));
}

TEST(Trains, EndsWhereALargerDatagramFollows) {
  EXPECT_THAT(counts_of({60, 100, 100}), ::testing::ElementsAre(1, 2));
  EXPECT_THAT(counts_of({100, 60, 60}), ::testing::ElementsAre(2, 1));
  EXPECT_THAT(counts_of({32, 48, 64}), ::testing::ElementsAre(1, 1, 1));
}

TEST(Trains, HoldsAtMost64Datagrams) {
  EXPECT_THAT(counts_of(Sizes(130, 32)), ::testing::ElementsAre(64, 64, 2));
}

TEST(Trains, HoldsAtMost65507Bytes) {
  EXPECT_THAT(counts_of(Sizes(47, 1452)), ::testing::ElementsAre(45, 2));  // data-plane section 2.4
  EXPECT_THAT(counts_of({32754, 32753}), ::testing::ElementsAre(2));
  EXPECT_THAT(counts_of({32754, 32754}), ::testing::ElementsAre(1, 1));
  EXPECT_THAT(counts_of({65535, 1}), ::testing::ElementsAre(1, 1));
}

TEST(Trains, SendsEachAloneWhenSegmentationIsOff) {
  const auto trains = trains_of(Sizes(5, 100), {.max_datagrams = 1, .max_bytes = 65507});
  EXPECT_EQ(trains.size(), 5U);
  for (const Train& train : trains) EXPECT_EQ(train.segment_size, 0);
}

TEST(Trains, CoverEveryDatagramOnceInOrder) {
  SeededRandom random(1);
  for (int round = 0; round < 500; ++round) {
    Sizes sizes(random.below(300));
    for (auto& size : sizes) size = static_cast<std::uint16_t>(32 + 16 * random.below(3));
    std::size_t index = 0;
    std::size_t offset = 0;
    for (const Train& train : trains_of(sizes)) {
      ASSERT_EQ(train.first, index);
      ASSERT_EQ(train.offset, offset);
      ASSERT_LE(train.count, 64U);
      for (std::size_t i = 0; i < train.count; ++i) {
        const auto size = sizes[index + i];
        if (i + 1 < train.count) {
          ASSERT_EQ(size, train.segment_size);
        } else if (train.count > 1) {
          ASSERT_LE(size, train.segment_size);
        }
        offset += size;
      }
      index += train.count;
      ASSERT_EQ(offset - train.offset, train.bytes);
    }
    ASSERT_EQ(index, sizes.size());
  }
}

TEST(Trains, MakeNothingOfNothing) {
  EXPECT_TRUE(trains_of({}).empty());
}

}  // namespace
}  // namespace warren::tunnel
