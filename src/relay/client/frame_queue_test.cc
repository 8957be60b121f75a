#include "relay/client/frame_queue.h"

#include <gtest/gtest.h>

#include "proto/relay/frames.h"
#include "relay/client/testing/scripted_relay.h"

namespace warren::relay::client {
namespace {

using testing::Bytes;

NodePublicKey key(std::uint8_t value) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(value);
  return NodePublicKey(bytes);
}

TEST(FrameQueue, GivesFramesInOrder) {
  FrameQueue queue(1000);
  EXPECT_FALSE(queue.front());
  EXPECT_EQ(queue.push(key(1), Bytes(10, 1)), 0U);
  EXPECT_EQ(queue.push(key(2), Bytes(20, 2)), 0U);
  EXPECT_EQ(queue.bytes(), 2 * kPacketFrameOverhead + 30);
  const auto first = queue.front().value();
  EXPECT_EQ(Bytes(first.begin(), first.end()),
            testing::packet(FrameType::SendPacket, key(1), Bytes(10, 1)));
  queue.pop();
  const auto second = queue.front().value();
  EXPECT_EQ(Bytes(second.begin(), second.end()),
            testing::packet(FrameType::SendPacket, key(2), Bytes(20, 2)));
  queue.pop();
  EXPECT_TRUE(queue.empty());
}

TEST(FrameQueue, DropsTheOldestAndNeverHoldsMoreThanItsLimit) {
  FrameQueue queue(1000);
  std::size_t dropped = 0;
  for (std::uint8_t i = 0; i < 200; ++i) {
    dropped += queue.push(key(i), Bytes(i, i));
    ASSERT_LE(queue.bytes(), 1000U);
  }
  auto next = static_cast<std::uint8_t>(dropped);
  for (; const auto frame = queue.front(); queue.pop(), ++next) {
    const auto content = decode_packet(frame->subspan(kFrameHeaderSize));
    ASSERT_TRUE(content);
    EXPECT_EQ(content->key, key(next));
    EXPECT_EQ(content->packet.size(), next);
  }
  EXPECT_EQ(next, 200);
}

TEST(FrameQueue, RefusesWhatCanNeverFit) {
  FrameQueue queue(100);
  EXPECT_EQ(queue.push(key(1), Bytes(10)), 0U);
  EXPECT_EQ(queue.push(key(1), Bytes(64)), 1U);
  EXPECT_EQ(queue.clear(), 1U);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace warren::relay::client
