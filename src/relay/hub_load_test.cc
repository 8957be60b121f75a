#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/hub.h"
#include "relay/testing.h"

// Slow receivers, floods and hostile members: bounded memory, and nobody else's packets lost.
namespace warren::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class HubLoad : public testing::Test {
 protected:
  struct Client {
    NodePrivateKey key;
    NodePublicKey name;
    ConnectionId id;
  };

  Client join() {
    Client out;
    out.key = NodePrivateKey::generate(bench.random);
    out.name = out.key.public_key();
    out.id = bench.login(out.key);
    bench.read(out.id);
    return out;
  }

  static Limits small() {
    Limits out;
    out.slabs_per_source = 4;
    out.slabs_detached = 4;
    out.slabs = 64;
    out.data_queue = 100000;
    out.flows_per_source = 8;
    return out;
  }

  HubBench bench{small()};
};

TEST_F(HubLoad, ASlowReceiverLosesItsOldestPacketsAndNobodyElses) {
  const Client sender = join();
  const Client slow = join();
  const Client quick = join();
  for (std::size_t i = 0; i < 1000; ++i) {
    bench.send_packet(sender.id, slow.name, Bytes(1000, static_cast<std::uint8_t>(i)));
    bench.send_packet(sender.id, quick.name, Bytes(1000));
    EXPECT_THAT(bench.read(quick.id), SizeIs(1));
    EXPECT_LE(bench.hub.queued(slow.name), 100000U);
  }
  const auto got = bench.read(slow.id);
  EXPECT_EQ(got.back(), received_packet(sender.name, Bytes(1000, 999 % 256)));
  const QueueDrops& drops = bench.hub.counters().data;
  EXPECT_EQ(got.size() + drops.overflow + drops.taken_back, 1000U);
  EXPECT_GT(got.size(), 80U);
}

TEST_F(HubLoad, AFloodDelaysItsSourceOnly) {
  const Client flood = join();
  const Client calm = join();
  const Client receiver = join();
  bench.send_packet(calm.id, receiver.name, Bytes(1000, 1));
  for (int i = 0; i < 500; ++i) bench.send_packet(flood.id, receiver.name, Bytes(1000, 2));
  bench.send_packet(calm.id, receiver.name, Bytes(1000, 3));
  const auto got = bench.read(receiver.id);
  const auto place = [&](std::uint8_t content) {
    return std::ranges::find(got, received_packet(calm.name, Bytes(1000, content))) - got.begin();
  };
  EXPECT_LT(place(1), 5);
  EXPECT_LT(place(3), 10);
}

TEST_F(HubLoad, DropsPacketsThatWaitedTooLong) {
  const Client sender = join();
  const Client receiver = join();
  bench.send_packet(sender.id, receiver.name, Bytes(10, 1));
  bench.advance(600ms);
  bench.send_packet(sender.id, receiver.name, Bytes(10, 2));
  bench.advance(600ms);
  EXPECT_THAT(bench.read(receiver.id), ElementsAre(received_packet(sender.name, Bytes(10, 2))));
  EXPECT_EQ(bench.hub.counters().data.waited, 1U);
}

TEST_F(HubLoad, PacketsScatteredOverMuchElseHoldNoMoreThanTheirSourcesShare) {
  const Client sender = join();
  const Client slow = join();
  const Client nobody{.key = {}, .name = NodePublicKey({1, 2, 3}), .id = {}};
  for (int i = 0; i < 200; ++i) {
    bench.send_packet(sender.id, slow.name, Bytes(10, 1));
    bench.send_packet(sender.id, nobody.name, Bytes(60000));
  }
  EXPECT_LE(bench.hub.memory(), 6 * sizeof(Slab));
  // The last ones are there, the older ones are counted.
  const std::size_t got = bench.read(slow.id).size();
  EXPECT_GE(got, 2U);
  EXPECT_EQ(bench.hub.counters().data.taken_back, 200 - got);
}

TEST_F(HubLoad, ConnectionsThatComeAndGoHoldNoMoreThanTheDetachedShare) {
  const Client slow = join();
  for (int i = 0; i < 100; ++i) {
    const Client sender = join();
    bench.send_packet(sender.id, slow.name, Bytes(10, 1));
    bench.disconnect(sender.id);
  }
  EXPECT_LE(bench.hub.memory(), 6 * sizeof(Slab));
  EXPECT_LE(bench.hub.flows(), 100U);
  EXPECT_THAT(bench.read(slow.id, FrameType::RecvPacket), SizeIs(4));
  EXPECT_EQ(bench.hub.flows(), 0U);
}

TEST_F(HubLoad, ClosesAConnectionWhenAllMemoryIsInUse) {
  const Bytes half = make_frame(0x04, Bytes(1000));
  std::size_t closed = 0;
  for (int i = 0; i < 70; ++i) {
    const Client client = join();
    bench.send(client.id, ByteView(half).first(500));
  }
  for (const auto& [id, reason] : bench.closes) {
    EXPECT_EQ(reason, CloseReason::NoMemory);
    ++closed;
  }
  EXPECT_EQ(closed, 6U);
  EXPECT_EQ(bench.hub.memory(), 64 * sizeof(Slab));
}

TEST_F(HubLoad, RemembersABoundedNumberOfDestinations) {
  const Client sender = join();
  std::vector<Client> receivers;
  receivers.reserve(20);
  for (int i = 0; i < 20; ++i) receivers.push_back(join());
  for (const Client& receiver : receivers) {
    bench.send_packet(sender.id, receiver.name, Bytes(10));
    EXPECT_THAT(bench.read(receiver.id), SizeIs(1));
  }
  EXPECT_EQ(bench.hub.flows(), 8U);
  // When none is idle, packets to new destinations are dropped.
  for (const Client& receiver : receivers) bench.send_packet(sender.id, receiver.name, Bytes(10));
  EXPECT_EQ(bench.hub.flows(), 8U);
  EXPECT_GT(bench.hub.counters().too_many_flows, 0U);
}

TEST_F(HubLoad, AnswersThatNobodyReadsAreBounded) {
  const Client client = join();
  for (int i = 0; i < 10000; ++i) bench.send(client.id, make_frame(0x12, Bytes(8)));
  EXPECT_GT(bench.hub.counters().control_overflow, 0U);
  EXPECT_LE(bench.read(client.id).size() * 13, Limits().control_queue);
}

TEST_F(HubLoad, IdleConnectionsHoldNoReceiveMemory) {
  for (int i = 0; i < 50; ++i) join();
  EXPECT_EQ(bench.hub.memory(), sizeof(Slab));
}

}  // namespace
}  // namespace warren::relay
