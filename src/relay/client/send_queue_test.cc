#include "relay/client/send_queue.h"

#include <gtest/gtest.h>

#include "proto/relay/frames.h"
#include "relay/client/testing/scripted_relay.h"

namespace warren::relay::client {
namespace {

using testing::Bytes;
using testing::join;
using Packets = SendQueue::Packets;

const NodePublicKey peer(std::array<std::uint8_t, kKeySize>{5});

Bytes sent(ByteView content) {
  return testing::packet(FrameType::SendPacket, peer, content);
}

Bytes next_record(SendQueue& queue, Packets packets = Packets::Send) {
  Bytes record(kMaxRecord);
  record.resize(queue.fill(record, packets));
  return record;
}

TEST(SendQueue, SendsTheEnginesBytesThenUrgentThenData) {
  SendQueue queue;
  queue.push(Urgency::Data, peer, Bytes(100, 1));
  queue.push(Urgency::Urgent, peer, Bytes(50, 2));
  EXPECT_TRUE(queue.write(Bytes(10, 3)));
  EXPECT_EQ(next_record(queue), join(Bytes(10, 3), sent(Bytes(50, 2)), sent(Bytes(100, 1))));
  EXPECT_TRUE(next_record(queue).empty());
}

TEST(SendQueue, HoldsPacketsBeforeTheLogin) {
  SendQueue queue;
  queue.push(Urgency::Urgent, peer, Bytes(50, 2));
  queue.write(Bytes(10, 3));
  EXPECT_EQ(next_record(queue, Packets::Hold), Bytes(10, 3));
  EXPECT_TRUE(next_record(queue, Packets::Hold).empty());
  EXPECT_EQ(next_record(queue), sent(Bytes(50, 2)));
}

TEST(SendQueue, FillsARecordWithWholeFrames) {
  SendQueue queue;
  for (int i = 0; i < 12; ++i) queue.push(Urgency::Data, peer, Bytes(1452, 1));
  EXPECT_EQ(next_record(queue).size(), 16379U);  // spec: data-plane section 6, 11 frames of 1489
  EXPECT_EQ(next_record(queue).size(), 1489U);
}

TEST(SendQueue, SendsALargePacketInSeveralRecordsWithNothingBetween) {
  SendQueue queue;
  queue.push(Urgency::Data, peer, Bytes(65000, 7));
  Bytes stream = next_record(queue);
  EXPECT_EQ(stream.size(), kMaxRecord);
  queue.push(Urgency::Urgent, peer, Bytes(50, 2));
  queue.write(Bytes(10, 3));
  for (int i = 0; i < 3; ++i) stream = join(stream, next_record(queue));
  EXPECT_EQ(stream, join(sent(Bytes(65000, 7)), Bytes(10, 3), sent(Bytes(50, 2))));
}

TEST(SendQueue, ForgetsAHalfSentPacketWithItsConnection) {
  SendQueue queue;
  queue.push(Urgency::Data, peer, Bytes(65000, 7));
  queue.push(Urgency::Data, peer, Bytes(60, 8));
  next_record(queue);
  queue.write(Bytes(10, 3));
  queue.on_connection_closed();
  EXPECT_EQ(next_record(queue), sent(Bytes(60, 8)));
}

TEST(SendQueue, BoundsAndCountsWhatWaits) {
  SendQueue queue;
  std::size_t dropped = 0;
  for (int i = 0; i < 1000; ++i) dropped += queue.push(Urgency::Data, peer, Bytes(1400));
  EXPECT_LE(queue.packet_bytes(), kDataQueueBytes);
  EXPECT_EQ(dropped + queue.drop_packets(), 1000U);
  while (queue.write(Bytes(1000))) {
  }
  EXPECT_LE(next_record(queue).size(), kMaxRecord);
}

}  // namespace
}  // namespace warren::relay::client
