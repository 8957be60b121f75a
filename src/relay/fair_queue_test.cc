#include "relay/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::relay {
namespace {

using testing::ElementsAre;

class FairQueueTest : public testing::Test {
 protected:
  void push(FairQueue::Flow& flow, std::uint8_t content, std::size_t size = 1000) {
    Slab& slab = *slabs.acquire(source);
    slab.bytes[0] = content;
    queue.push(flow, slabs.refer(slab, 0, size), now);
    slabs.finish(slab);
  }

  std::vector<int> pop_all() {
    std::vector<int> out;
    while (const PacketRef* const frame = queue.front(now)) {
      out.push_back(frame->bytes()[0]);
      queue.pop();
    }
    return out;
  }

  Limits limits;
  SlabPool slabs{limits};
  QueuedPacketPool packets;
  QueueDrops drops;
  Slab::List source;
  TimePoint now;
  FairQueue::Flow a;
  FairQueue::Flow b;
  FairQueue::Flow c;
  FairQueue queue{10000, 1s, slabs, packets, drops};
};

TEST_F(FairQueueTest, KeepsTheOrderOfOneSource) {
  for (std::uint8_t i = 0; i < 5; ++i) push(a, i);
  EXPECT_THAT(pop_all(), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(queue.cost(), 0U);
  EXPECT_EQ(slabs.in_use(), 0U);
}

TEST_F(FairQueueTest, ServesSourcesInTurnByBytes) {
  for (int i = 0; i < 4; ++i) push(a, 1, 2000);
  push(b, 2, 500);
  push(c, 3, 500);
  // Two of 2,000 bytes are a turn of 4,096.
  EXPECT_THAT(pop_all(), ElementsAre(1, 1, 2, 3, 1, 1));
}

TEST_F(FairQueueTest, ASourceBeyondItsShareLosesItsOldest) {
  push(b, 9);
  for (std::uint8_t i = 0; i < 20; ++i) push(a, i);
  EXPECT_LE(queue.cost(), 10000U);
  EXPECT_EQ(drops.overflow, 12U);
  push(b, 10);  // another gives way, though this one is the newest
  EXPECT_EQ(drops.overflow, 13U);
  const auto out = pop_all();
  EXPECT_EQ(std::ranges::count(out, 9) + std::ranges::count(out, 10), 2);
  EXPECT_EQ(out.back(), 19);
}

TEST_F(FairQueueTest, AnEntryLargerThanTheQueueIsDroppedItself) {
  push(a, 1, 20000);
  EXPECT_TRUE(queue.is_empty());
  EXPECT_TRUE(a.is_empty());
  EXPECT_EQ(slabs.in_use(), 0U);
}

TEST_F(FairQueueTest, ClearsOneSourceInTheMiddleOfItsTurn) {
  push(a, 1);
  push(b, 2);
  push(c, 3);
  queue.clear(a);
  queue.clear(c);
  EXPECT_THAT(pop_all(), ElementsAre(2));
  EXPECT_EQ(drops.left, 2U);
}

TEST_F(FairQueueTest, DropsWhatTheSourcesNewerPacketsPushedOutOfMemory) {
  limits.slabs_per_source = 2;
  for (std::uint8_t i = 0; i < 5; ++i) push(a, i);
  EXPECT_THAT(pop_all(), ElementsAre(3, 4));
  EXPECT_EQ(drops.taken_back, 3U);
}

TEST(SlabPool, GivesASlabBackWithItsLastReference) {
  const Limits limits;
  SlabPool pool(limits);
  Slab::List source;
  Slab& slab = *pool.acquire(source);
  const PacketRef first = pool.refer(slab, 0, 10);
  const PacketRef second = pool.refer(slab, 10, 10);
  pool.finish(slab);
  pool.release(first);
  EXPECT_EQ(pool.in_use(), 1U);
  EXPECT_FALSE(second.is_lost());
  pool.detach(source);
  pool.release(second);
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.acquire(source), &slab);
  EXPECT_TRUE(second.is_lost());
}

}  // namespace
}  // namespace warren::relay
