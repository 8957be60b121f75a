#include "tunnel/staging.h"

#include <deque>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace warren::tunnel {
namespace {

using Header = std::array<std::uint8_t, Staging::kHeaderSize>;

constexpr wg::PeerId kA{1};
constexpr wg::PeerId kB{2};
constexpr TimePoint kStart{1h};

std::vector<std::uint8_t> packet_of(std::size_t size, std::uint8_t fill) {
  return std::vector<std::uint8_t>(size, fill);
}

class StagingTest : public ::testing::Test {
 protected:
  Staging::Added add(wg::PeerId peer, std::size_t size, std::uint8_t fill, TimePoint now = kStart) {
    Header header{};
    header[0] = fill;
    return staging_.add(peer, header, packet_of(size, fill), now);
  }

  // The packet taken, checked against its header; its fill byte.
  std::uint8_t take(wg::PeerId peer, std::size_t size) {
    Header header{};
    EXPECT_EQ(staging_.take(peer, header, room_), size);
    EXPECT_TRUE(std::ranges::all_of(std::span(room_).first(size),
                                    [&](std::uint8_t b) { return b == header[0]; }));
    return header[0];
  }

  Staging staging_;
  std::vector<std::uint8_t> room_ = std::vector<std::uint8_t>(65'535);
};

TEST_F(StagingTest, GivesPacketsBackInOrderForEachPeer) {
  add(kA, 100, 1);
  add(kB, 5'000, 2);
  add(kA, 65'535, 3);
  EXPECT_EQ(staging_.count(kA), 2U);
  EXPECT_EQ(take(kA, 100), 1);
  EXPECT_EQ(take(kA, 65'535), 3);
  EXPECT_EQ(staging_.count(kA), 0U);
  EXPECT_EQ(take(kB, 5'000), 2);
}

TEST_F(StagingTest, AsksWithTheFirstPacketAndThenOnceASecond) {
  EXPECT_TRUE(add(kA, 100, 1).ask);
  EXPECT_FALSE(add(kA, 100, 1, kStart + 999ms).ask);
  EXPECT_TRUE(add(kA, 100, 1, kStart + 1s).ask);
  EXPECT_TRUE(add(kB, 100, 1).ask);
}

TEST_F(StagingTest, DropsTheOldestBeyondItsItems) {
  for (std::size_t i = 0; i < Staging::kMaxItems; ++i) {
    EXPECT_EQ(add(kA, 10, static_cast<std::uint8_t>(i)).dropped, 0U);
  }
  EXPECT_EQ(add(kA, 10, 200).dropped, 1U);
  EXPECT_EQ(staging_.count(kA), Staging::kMaxItems);
  EXPECT_EQ(take(kA, 10), 1);
}

TEST_F(StagingTest, DropsTheOldestBeyondItsBytes) {
  add(kA, 60'000, 1);
  add(kA, 60'000, 2);
  EXPECT_EQ(add(kA, 20'000, 3).dropped, 1U);
  EXPECT_EQ(take(kA, 60'000), 2);
  EXPECT_EQ(take(kA, 20'000), 3);
}

TEST_F(StagingTest, RefusesWhenOtherPeersHoldThePool) {
  std::uint32_t peer = 10;
  while (add(wg::PeerId{peer}, 65'535, 1).dropped == 0) {
    ASSERT_EQ(add(wg::PeerId{peer}, 65'535, 2).dropped, 0U);
    ++peer;
  }
  EXPECT_EQ(peer - 10, Staging::kPoolBytes / 65'536 / 2);
  EXPECT_EQ(add(kA, 1, 1).dropped, 1U);
  EXPECT_EQ(staging_.drop(wg::PeerId{10}), 2U);
  EXPECT_EQ(add(kA, 1, 1).dropped, 0U);
}

TEST_F(StagingTest, RefusesMorePeersThanItHasPlacesFor) {
  for (std::uint32_t i = 0; i < Staging::kMaxPeers; ++i) {
    ASSERT_EQ(add(wg::PeerId{i}, 1, 1).dropped, 0U);
  }
  EXPECT_EQ(add(wg::PeerId{Staging::kMaxPeers}, 1, 1).dropped, 1U);
  staging_.drop(wg::PeerId{7});
  EXPECT_EQ(add(wg::PeerId{Staging::kMaxPeers}, 1, 1).dropped, 0U);
}

TEST_F(StagingTest, AgreesWithAModelOverRandomUse) {
  SeededRandom random(1);
  std::map<std::uint32_t, std::deque<std::pair<std::size_t, std::uint8_t>>> model;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = static_cast<std::uint32_t>(random.below(5));
    const wg::PeerId peer{id};
    auto& queue = model[id];
    switch (random.below(8)) {
      case 0:
        EXPECT_EQ(staging_.drop(peer), queue.size());
        queue.clear();
        break;
      case 1:
      case 2:
        if (!queue.empty()) {
          EXPECT_EQ(take(peer, queue.front().first), queue.front().second);
          queue.pop_front();
        }
        break;
      default: {
        const std::size_t size = 1 + random.below(random.below(4) == 0 ? 65'535 : 1'500);
        const auto fill = static_cast<std::uint8_t>(random.below(256));
        const std::size_t dropped = add(peer, size, fill).dropped;
        ASSERT_LE(dropped, queue.size());
        queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(dropped));
        queue.emplace_back(size, fill);
        std::size_t bytes = 0;
        for (const auto& entry : queue) bytes += entry.first;
        ASSERT_LE(bytes, Staging::kMaxBytes);
      }
    }
    ASSERT_EQ(staging_.count(peer), queue.size());
  }
}

}  // namespace
}  // namespace warren::tunnel
