#include "relay/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/testing.h"

namespace warren::relay {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Bytes hello = {'h', 'e', 'l', 'l', 'o'};

class HubTest : public testing::Test {
 protected:
  NodePrivateKey new_key() { return NodePrivateKey::generate(bench.random); }

  // A client that has logged in and read its login.
  ConnectionId join(const NodePrivateKey& key) {
    const ConnectionId id = bench.login(key);
    bench.read(id);
    return id;
  }

  static Received gone(const NodePublicKey& key, GoneReason reason) {
    const auto frame = encode_peer_gone({.peer = key, .reason = reason});
    return {FrameType::PeerGone, Bytes(frame.begin() + kFrameHeaderSize, frame.end())};
  }

  HubBench bench;
  NodePrivateKey alice = new_key();
  NodePrivateKey bob = new_key();
  NodePublicKey alice_key = alice.public_key();
  NodePublicKey bob_key = bob.public_key();
};

TEST_F(HubTest, GreetsWithItsKeyAndAnswersALoginWithServerInfo) {
  const ConnectionId id = bench.connect();
  const auto greeting = bench.read(id);
  ASSERT_THAT(greeting, SizeIs(1));
  EXPECT_EQ(decode_server_key(greeting[0].payload), bench.hub.public_key());
  EXPECT_FALSE(bench.hub.is_logged_in(id));
  bench.send(id, bench.login_frame(alice));
  EXPECT_TRUE(bench.hub.is_logged_in(id));
  const auto answer = bench.read(id);
  ASSERT_THAT(answer, SizeIs(1));
  const auto info = open_server_info(answer[0].payload, alice, bench.hub.public_key());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version, kProtocolVersion);
  EXPECT_EQ(info->rate_bytes_per_second, 0U);
}

TEST_F(HubTest, RefusesAKeyThatIsNoMembers) {
  bench.set_members({alice_key});
  EXPECT_TRUE(bench.hub.is_logged_in(bench.login(alice)));
  const ConnectionId stranger = bench.login(bob);
  EXPECT_EQ(bench.closed(stranger), CloseReason::NotAdmitted);
  EXPECT_EQ(bench.hub.peers(), 1U);
}

TEST_F(HubTest, ClosesTheConnectionsOfWhoeverIsNoMemberAnyMore) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  bench.send_packet(b, alice_key, hello);
  bench.set_members({alice_key});
  EXPECT_EQ(bench.closed(b), CloseReason::NotAdmitted);
  EXPECT_EQ(bench.closed(a), std::nullopt);
  EXPECT_THAT(bench.read(a), Contains(gone(bob_key, GoneReason::Disconnected)));
}

TEST_F(HubTest, ClosesOnALoginThatDoesNotOpenOrIsNoLogin) {
  Bytes wrong = bench.login_frame(alice);
  wrong.back() ^= 1U;
  const Bytes huge = make_frame(0x02, Bytes(Limits().client_info + 1));
  const Bytes tiny = make_frame(0x02, Bytes(kMinClientInfo - 1));
  const Bytes early = make_packet(FrameType::SendPacket, alice_key, hello);
  for (const Bytes& bytes : {wrong, huge, tiny, early}) {
    const ConnectionId id = bench.connect();
    bench.send(id, bytes);
    EXPECT_EQ(bench.closed(id), CloseReason::BadLogin);
  }
  EXPECT_EQ(bench.hub.connections(), 0U);
}

TEST_F(HubTest, ClosesWhoeverTakesTooLongToLogIn) {
  const ConnectionId silent = bench.connect();
  const ConnectionId slow = bench.connect();
  const Bytes login = bench.login_frame(alice);
  bench.advance(5s);
  bench.send(slow, ByteView(login).first(40));
  bench.advance(4999ms);
  EXPECT_THAT(bench.closes, IsEmpty());
  bench.advance(1ms);
  EXPECT_EQ(bench.closed(silent), CloseReason::LoginTimeout);
  EXPECT_EQ(bench.closed(slow), CloseReason::LoginTimeout);
}

TEST_F(HubTest, CarriesPacketsBothWays) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  bench.send_packet(a, bob_key, hello);
  EXPECT_THAT(bench.read(b), ElementsAre(received_packet(alice_key, hello)));
  bench.send_packet(b, alice_key, fake_disco(7));
  EXPECT_THAT(bench.read(a), ElementsAre(received_packet(bob_key, fake_disco(7))));
  EXPECT_EQ(bench.hub.counters().packets_sent, 2U);
  EXPECT_EQ(bench.hub.queued(alice_key), 0U);
}

TEST_F(HubTest, FindsFramesHoweverTheyAreCut) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  Bytes stream;
  for (std::uint8_t i = 0; i < 3; ++i) {
    const Bytes frame = make_packet(FrameType::SendPacket, bob_key, Bytes(std::size_t{i} * 50, i));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const std::uint8_t byte : stream) bench.send(a, ByteView(&byte, 1));
  EXPECT_THAT(bench.read(b), SizeIs(3));
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    bench.send(a, ByteView(stream).first(cut));
    bench.send(a, ByteView(stream).subspan(cut));
    EXPECT_THAT(bench.read(b), ElementsAre(received_packet(alice_key, Bytes()),
                                           received_packet(alice_key, Bytes(50, 1)),
                                           received_packet(alice_key, Bytes(100, 2))));
  }
}

TEST_F(HubTest, CarriesTheLargestPacketInSeveralRecords) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  Bytes large(kMaxPacketSize);
  bench.random.fill(large);
  bench.send_packet(a, bob_key, hello);
  for (int i = 0; i < 5; ++i) bench.send_packet(a, bob_key, large);
  bench.send_packet(a, bob_key, hello);
  const Received big = received_packet(alice_key, large);
  const Received small = received_packet(alice_key, hello);
  EXPECT_THAT(bench.read(b), ElementsAre(small, big, big, big, big, big, small));
}

TEST_F(HubTest, PutsElevenWireGuardPacketsIntoARecord) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  // Data-plane section 6.
  for (int i = 0; i < 12; ++i) bench.send_packet(a, bob_key, Bytes(1452));
  EXPECT_EQ(bench.wakes[b], 2);  // one for its login, one for all of these
  EXPECT_EQ(bench.read_record(b).size(), 11U * 1489);
  EXPECT_EQ(bench.read_record(b).size(), 1489U);
  EXPECT_EQ(bench.read_record(b).size(), 0U);
}

TEST_F(HubTest, ClosesOnSizesThatAFrameCannotHave) {
  const std::pair<std::uint8_t, std::size_t> frames[] = {
      {0x04, 31},   {0x04, 32 + 65537},          {0x07, 0}, {0x07, 2}, {0x12, 7},
      {0x12, 1001}, {0x77, std::size_t{1} << 21}};
  for (const auto& [type, size] : frames) {
    const ConnectionId id = join(alice);
    bench.send(id, make_frame(type, Bytes(size)));
    EXPECT_EQ(bench.closed(id), CloseReason::BadFrame) << int{type} << " " << size;
  }
}

TEST_F(HubTest, ClosesOnFramesOfAMesh) {
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{0x0a, 0x10, 0x11}) {
    const ConnectionId id = join(alice);
    bench.send(id, make_frame(type, Bytes(96)));
    EXPECT_EQ(bench.closed(id), CloseReason::Forbidden);
  }
}

TEST_F(HubTest, SkipsFramesItDoesNotKnow) {
  const ConnectionId a = join(alice);
  bench.send(a, make_frame(0x99, Bytes(200000)));
  bench.send(a, make_frame(0x13, Bytes(8)));  // a client's pong
  bench.send(a, make_frame(0x12, Bytes(20, 3)));
  EXPECT_THAT(bench.read(a), ElementsAre(Received{FrameType::Pong, Bytes(8, 3)}));
  EXPECT_EQ(bench.hub.counters().unknown_frames, 2U);
}

TEST_F(HubTest, SaysWhoIsNotHereForProbesOnlyAndNotOften) {
  const ConnectionId a = join(alice);
  bench.send_packet(a, bob_key, hello);
  EXPECT_THAT(bench.read(a), IsEmpty());
  for (int i = 0; i < 10; ++i) bench.send_packet(a, bob_key, fake_disco(1));
  const Received not_here = gone(bob_key, GoneReason::NotHere);
  EXPECT_THAT(bench.read(a), ElementsAre(not_here, not_here, not_here));
  bench.advance(1s);
  for (int i = 0; i < 10; ++i) bench.send_packet(a, bob_key, fake_disco(1));
  EXPECT_THAT(bench.read(a), ElementsAre(not_here));
  EXPECT_EQ(bench.hub.counters().unknown_destination, 21U);
}

TEST_F(HubTest, TellsThoseThatReceivedFromAPeerThatItIsGone) {
  const NodePrivateKey carol = new_key();
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  const ConnectionId c = join(carol);
  bench.send_packet(a, bob_key, hello);
  bench.send_packet(c, alice_key, hello);
  bench.disconnect(a);
  EXPECT_THAT(bench.read(b), Contains(gone(alice_key, GoneReason::Disconnected)));
  EXPECT_THAT(bench.read(c), IsEmpty());
  EXPECT_EQ(bench.hub.flows(), 0U);
}

TEST_F(HubTest, DeliversWhatASenderLeftBehind) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  bench.send_packet(a, bob_key, hello);
  bench.disconnect(a);
  EXPECT_THAT(bench.read(b, FrameType::RecvPacket), ElementsAre(received_packet(alice_key, hello)));
  EXPECT_EQ(bench.hub.flows(), 0U);
}

TEST_F(HubTest, GivesPacketsToTheNewestConnectionThenToTheLastThatSent) {
  const ConnectionId a = join(alice);
  const ConnectionId first = join(bob);
  const ConnectionId second = join(bob);
  bench.send_packet(a, bob_key, hello);
  EXPECT_THAT(bench.read(first), IsEmpty());
  EXPECT_THAT(bench.read(second), SizeIs(1));
  bench.send_packet(a, bob_key, hello);  // waits, and goes over to the other connection
  const auto note = encode_note_preferred(true);
  bench.send(first, note);
  EXPECT_THAT(bench.read(second), IsEmpty());
  EXPECT_THAT(bench.read(first), SizeIs(1));
  bench.disconnect(first);
  bench.send_packet(a, bob_key, hello);
  EXPECT_THAT(bench.read(second), SizeIs(1));
  EXPECT_THAT(bench.read(a), IsEmpty());  // bob was never gone
}

TEST_F(HubTest, ClosesTheOldestOfTooManyConnectionsUnderOneKey) {
  const ConnectionId first = join(alice);
  for (std::size_t i = 1; i < Limits().connections_per_key; ++i) join(alice);
  EXPECT_EQ(bench.closed(first), std::nullopt);
  join(alice);
  EXPECT_EQ(bench.closed(first), CloseReason::TooManyOfOneKey);
  EXPECT_EQ(bench.hub.connections(), Limits().connections_per_key);
}

TEST_F(HubTest, KeepsConnectionsAliveEveryMinute) {
  const ConnectionId a = join(alice);
  bench.advance(60s - 1ns);
  EXPECT_THAT(bench.read(a), IsEmpty());
  bench.advance(5s);
  EXPECT_THAT(bench.read(a), ElementsAre(Received{FrameType::KeepAlive, {}}));
  bench.advance(10min);
  EXPECT_THAT(bench.read(a), testing::Each(Received{FrameType::KeepAlive, {}}));
}

TEST_F(HubTest, ClosesWhenTheRestOfAFrameDoesNotCome) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  const Bytes frame = make_packet(FrameType::SendPacket, bob_key, Bytes(100));
  for (int i = 0; i < 20; ++i) {  // always in the middle of a frame, but frames go on
    bench.send(a, ByteView(frame).first(60));
    bench.advance(20s);
    bench.send(a, ByteView(frame).subspan(60));
  }
  bench.read(b);
  bench.send(a, ByteView(frame).first(60));
  for (int i = 0; i < 9; ++i) {
    bench.advance(3s);
    bench.send(a, ByteView(frame).subspan(60 + static_cast<std::size_t>(i), 1));
  }
  EXPECT_EQ(bench.closed(a), std::nullopt);
  bench.advance(3s);
  EXPECT_EQ(bench.closed(a), CloseReason::HalfFrame);
}

TEST_F(HubTest, SendsProbesBeforeData) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  for (int i = 0; i < 3; ++i) bench.send_packet(a, bob_key, hello);
  bench.send_packet(a, bob_key, fake_disco(1));
  EXPECT_EQ(bench.read(b).front(), received_packet(alice_key, fake_disco(1)));
}

TEST_F(HubTest, TakesAFloodOfProbesForData) {
  const NodePrivateKey carol = new_key();
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  const ConnectionId c = join(carol);
  bench.send_packet(c, bob_key, hello);
  for (int i = 0; i < 200; ++i) bench.send_packet(a, bob_key, fake_disco(1));
  const auto got = bench.read(b);
  const auto packet = std::ranges::find(got, received_packet(carol.public_key(), hello));
  EXPECT_EQ(packet - got.begin(), 64);
  EXPECT_EQ(bench.hub.counters().disco_demoted, 136U);
}

TEST_F(HubTest, TellsEveryoneToReconnectAtDifferentTimesBeforeItStops) {
  const ConnectionId a = join(alice);
  const ConnectionId b = join(bob);
  bench.hub.restart(10s, 60s, bench.actions);
  const auto first = decode_restarting(bench.read(a).at(0).payload);
  const auto second = decode_restarting(bench.read(b).at(0).payload);
  EXPECT_NE(first->reconnect_in_ms, second->reconnect_in_ms);
  EXPECT_LT(first->reconnect_in_ms, 10000U);
  EXPECT_EQ(first->try_for_ms, 60000U);
  EXPECT_EQ(bench.hub.on_connected(bench.now, bench.actions), std::nullopt);
}

TEST_F(HubTest, TellsOfItsHealthWhenItChangesAndAtLogin) {
  const ConnectionId a = join(alice);
  bench.hub.set_health("disk full", bench.actions);
  const Received ill{FrameType::Health, Bytes{'d', 'i', 's', 'k', ' ', 'f', 'u', 'l', 'l'}};
  EXPECT_THAT(bench.read(a), ElementsAre(ill));
  EXPECT_THAT(bench.read(bench.login(bob)), Contains(ill));
  bench.hub.set_health("", bench.actions);
  EXPECT_THAT(bench.read(a), ElementsAre(Received{FrameType::Health, {}}));
}

TEST_F(HubTest, DeliversToTheSenderItself) {
  const ConnectionId a = join(alice);
  bench.send_packet(a, alice_key, hello);
  EXPECT_THAT(bench.read(a), ElementsAre(received_packet(alice_key, hello)));
  bench.send_packet(a, alice_key, hello);
  bench.disconnect(a);
  EXPECT_EQ(bench.hub.flows(), 0U);
}

}  // namespace
}  // namespace warren::relay
