#include "io/datagram_ring.h"

#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "proto/relay/frames.h"

namespace warren::io {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kHeaderSize = 40;

relay::Route route(std::uint16_t number) {
  std::array<std::uint8_t, kKeySize> key{};
  key.fill(static_cast<std::uint8_t>(number));
  return {.region = relay::RegionId{number}, .peer = NodePublicKey(key)};
}

Bytes datagram(std::uint8_t value, std::size_t size) {
  Bytes out(size, value);
  return out;
}

void expect_next(DatagramRing& ring, const relay::Route& expected_route, const Bytes& expected) {
  const auto entry = ring.next();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->route, expected_route);
  EXPECT_EQ(Bytes(entry->datagram.begin(), entry->datagram.end()), expected);
}

TEST(DatagramRing, GivesBackWhatWasPushedInOrder) {
  DatagramRing ring(1024);
  EXPECT_FALSE(ring.next());
  EXPECT_TRUE(ring.push(route(1), datagram(1, 100)));
  EXPECT_TRUE(ring.push(route(65535), {}));
  EXPECT_TRUE(ring.push(route(3), datagram(3, 1)));
  expect_next(ring, route(1), datagram(1, 100));
  expect_next(ring, route(65535), {});
  expect_next(ring, route(3), datagram(3, 1));
  EXPECT_FALSE(ring.next());
}

TEST(DatagramRing, KeepsRecordsUntilTheyAreReleased) {
  DatagramRing ring(256);
  EXPECT_TRUE(ring.push(route(1), datagram(1, 88)));
  EXPECT_TRUE(ring.push(route(2), datagram(2, 88)));
  EXPECT_EQ(ring.used(), ring.capacity());
  EXPECT_FALSE(ring.push(route(3), {}));
  const auto first = ring.next();
  expect_next(ring, route(2), datagram(2, 88));
  EXPECT_FALSE(ring.push(route(3), {}));
  EXPECT_EQ(first->datagram[87], 1);
  ring.release();
  EXPECT_EQ(ring.used(), 0U);
  EXPECT_TRUE(ring.push(route(3), datagram(3, 88)));
  expect_next(ring, route(3), datagram(3, 88));
}

TEST(DatagramRing, LetsTheConsumerChangeARecordInPlace) {
  DatagramRing ring(256);
  EXPECT_TRUE(ring.push(route(1), datagram(1, 50)));
  EXPECT_TRUE(ring.push(route(2), datagram(2, 50)));
  const auto first = ring.next();
  std::ranges::fill(first->datagram, std::uint8_t{0xff});
  expect_next(ring, route(2), datagram(2, 50));
}

TEST(DatagramRing, GoesOnAtTheStartWhenTheEndIsTooShort) {
  DatagramRing ring(256);
  EXPECT_TRUE(ring.push(route(1), datagram(1, 64)));  // to 104
  EXPECT_TRUE(ring.push(route(2), datagram(2, 64)));  // to 208
  EXPECT_FALSE(ring.push(route(3), datagram(3, 9)));  // 56 do not fit into 48
  expect_next(ring, route(1), datagram(1, 64));
  ring.release();
  EXPECT_TRUE(ring.push(route(3), datagram(3, 9)));
  EXPECT_EQ(ring.used(), 104U + 48 + 56);
  EXPECT_FALSE(ring.push(route(4), datagram(4, 9)));  // 48 are left before the second record
  EXPECT_TRUE(ring.push(route(4), datagram(4, 8)));
  expect_next(ring, route(2), datagram(2, 64));
  expect_next(ring, route(3), datagram(3, 9));
  expect_next(ring, route(4), datagram(4, 8));
  EXPECT_FALSE(ring.next());
  ring.release();
  EXPECT_EQ(ring.used(), 0U);
}

TEST(DatagramRing, RefusesWhatNeverFits) {
  DatagramRing small(256);
  EXPECT_FALSE(small.push(route(1), datagram(1, 256 - kHeaderSize + 1)));
  EXPECT_TRUE(small.push(route(1), datagram(1, 256 - kHeaderSize)));
  DatagramRing large(std::size_t{1} << 18);
  EXPECT_FALSE(large.push(route(1), datagram(1, relay::kMaxPacketSize + 1)));
  EXPECT_TRUE(large.push(route(1), datagram(1, relay::kMaxPacketSize)));
}

TEST(DatagramRing, BehavesLikeAQueueOfBoundedBytes) {
  SeededRandom random(7);
  DatagramRing ring(4096);
  std::deque<std::pair<relay::Route, Bytes>> model;
  int refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (random.below(2) == 0) {
      const auto number = static_cast<std::uint16_t>(random.below(65536));
      const Bytes bytes = datagram(static_cast<std::uint8_t>(i), random.below(1500));
      if (ring.push(route(number), bytes)) {
        model.emplace_back(route(number), bytes);
      } else {
        ++refused;
        EXPECT_GT(ring.used() + 2 * (kHeaderSize + bytes.size() + 8), ring.capacity());
      }
    } else if (model.empty()) {
      EXPECT_FALSE(ring.next());
    } else {
      expect_next(ring, model.front().first, model.front().second);
      model.pop_front();
      if (random.below(3) > 0) ring.release();
    }
    EXPECT_LE(ring.used(), ring.capacity());
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace warren::io
