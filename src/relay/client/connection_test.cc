#include "relay/client/connection.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/client/testing/scripted_relay.h"

namespace warren::relay::client {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::join;
using testing::node;
using ::testing::Not;
using testing::only;
using ::testing::SizeIs;
using testing::written;
using State = Connection::State;

constexpr RegionId kRegion{3};

struct ConnectionTest : ::testing::Test {
  SeededRandom random{1};
  Shared shared{.key = NodePrivateKey::generate(random),
                .random = random,
                .last_attempt = {},
                .counters = {}};
  NodePublicKey us = shared.key.public_key();
  NodePublicKey peer = NodePrivateKey::generate(random).public_key();
  testing::ScriptedRelay relay;
  Connection connection{kRegion, shared, {node("one"), node("two")}};
  TimePoint now = TimePoint{} + 1h;
  Actions out;

  Actions take() { return std::exchange(out, {}); }

  std::vector<Bytes> receive(ByteView bytes) {
    const MutableByteView space = connection.read_space();
    std::ranges::copy(bytes, space.begin());
    connection.on_read(bytes.size(), now);
    std::vector<Bytes> packets;
    while (const auto packet = connection.next_packet(now, out)) {
      packets.emplace_back(packet->packet.begin(), packet->packet.end());
    }
    return packets;
  }

  void connected(Connected facts) { connection.on_connected(shared.last_attempt, facts, now, out); }

  void bring_up(ServerInfo info = {.version = 2}) {
    connection.want(now, out);
    connected({.server_key = relay.key.public_key(), .round_trip = 20ms});
    receive(join(relay.server_key(), relay.server_info(us, info)));
    ASSERT_EQ(connection.state(), State::Up);
    take();
  }

  // Lets time pass to the next thing that is due.
  void pass() {
    now = std::max(now, connection.next_timeout());
    connection.on_timeout(now, out);
  }
};

TEST_F(ConnectionTest, FastStartSendsRequestAndLoginInOneFlight) {
  connection.want(now, out);
  EXPECT_THAT(take(), ElementsAre(Action{Connect{kRegion, AttemptId{1}, node("one")}}));
  connected({.server_key = relay.key.public_key(), .round_trip = 20ms});
  EXPECT_TRUE(connection.accepts_packets());
  const Actions flight = take();
  ASSERT_THAT(flight, SizeIs(1));
  const Bytes bytes = written(flight);
  const std::string_view text = as_text(bytes);
  const std::size_t end = text.find("\r\n\r\n") + 4;
  EXPECT_EQ(text.substr(0, end),
            "GET /derp HTTP/1.1\r\nHost: one.example\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"
            "Derp-Fast-Start: 1\r\n\r\n");
  const auto login = relay.open_login(ByteView(bytes).subspan(end));
  ASSERT_TRUE(login);
  EXPECT_EQ(login->client, us);
  EXPECT_EQ(login->info, (ClientInfo{.mesh_key = {}, .version = 2, .can_ack_pings = true}));
  receive(join(relay.server_key(), relay.server_info(us)));
  EXPECT_THAT(take(), ElementsAre(Action{Up{kRegion}}));
}

TEST_F(ConnectionTest, WithoutFastStartWaitsForAnswerAndKey) {
  connection.want(now, out);
  take();
  connected({});
  EXPECT_FALSE(connection.accepts_packets());
  EXPECT_THAT(std::string(as_text(written(take()))), Not(HasSubstr("Fast-Start")));
  const std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n";
  const Bytes stream = join(answer, relay.server_key());
  receive(ByteView(stream).first(30));
  receive(ByteView(stream).subspan(30, 50));
  EXPECT_THAT(out, IsEmpty());
  receive(ByteView(stream).subspan(80));
  EXPECT_TRUE(connection.accepts_packets());
  EXPECT_TRUE(relay.open_login(written(take())));
  receive(relay.server_info(us));
  EXPECT_THAT(take(), ElementsAre(Action{Up{kRegion}}));
}

TEST_F(ConnectionTest, HomeSaysSoWithItsLoginAndWhenItChanges) {
  connection.set_home(true, now, out);
  connected({.server_key = relay.key.public_key()});
  const Bytes flight = written(take());
  const auto note = encode_note_preferred(true);
  EXPECT_TRUE(std::ranges::equal(ByteView(flight).last(note.size()), note));
  connection.set_home(false, now, out);
  const auto no_more = encode_note_preferred(false);
  EXPECT_EQ(written(take()), Bytes(no_more.begin(), no_more.end()));
}

TEST_F(ConnectionTest, TriesTheNextNodeAtOnceAndThenWaits) {
  connection.want(now, out);
  take();
  connection.on_closed(shared.last_attempt, now, out);
  EXPECT_THAT(take(), ElementsAre(Action{Connect{kRegion, AttemptId{2}, node("two")}}));
  connection.on_closed(AttemptId{1}, now, out);  // of the first attempt: too late
  EXPECT_THAT(take(), IsEmpty());
  connection.on_closed(AttemptId{2}, now, out);
  EXPECT_EQ(connection.state(), State::BackOff);
  EXPECT_THAT(take(), ElementsAre(Action{Close{.region = kRegion, .drop_queue = true}}));
  EXPECT_LT(connection.next_timeout(), now + kFirstRetryJitter);
  pass();
  EXPECT_THAT(take(), ElementsAre(Action{Connect{kRegion, AttemptId{3}, node("one")}}));
}

TEST_F(ConnectionTest, NamesTheIdealNodeWhenOnAnother) {
  connection.want(now, out);
  connection.on_closed(shared.last_attempt, now, out);
  take();
  connected({.server_key = relay.key.public_key()});
  EXPECT_THAT(std::string(as_text(written(take()))), HasSubstr("\r\nIdeal-Node: one\r\n"));
}

TEST_F(ConnectionTest, GivesUpAConnectThatTakesTooLong) {
  connection.want(now, out);
  connected({});
  take();
  const TimePoint begun = now;
  pass();
  EXPECT_EQ(now, begun + kConnectLimit);
  EXPECT_EQ(connection.state(), State::BackOff);
  EXPECT_THAT(only<Close>(take()), SizeIs(1));
  EXPECT_EQ(shared.counters.refused_logins, 1U);
  pass();  // the node that hung is not the first to be tried
  EXPECT_EQ(only<Connect>(take()).at(0).node, node("two"));
}

TEST_F(ConnectionTest, RefusesAnswersOtherThan101AndLoginsThatDoNotOpen) {
  connection.want(now, out);
  connected({});
  receive(as_bytes("HTTP/1.1 403 Forbidden\r\n\r\n"));
  EXPECT_EQ(connection.state(), State::BackOff);
  pass();
  connected({.server_key = relay.key.public_key()});
  receive(relay.server_info(peer));  // sealed for someone else
  EXPECT_EQ(connection.state(), State::BackOff);
  EXPECT_EQ(shared.counters.malformed, 1U);
  EXPECT_EQ(shared.counters.ups, 0U);
}

TEST_F(ConnectionTest, GivesPacketsAndTellsOfPeersThatAreGone) {
  bring_up();
  const auto gone = encode_peer_gone({.peer = peer, .reason = GoneReason::NotHere});
  const auto packets = receive(join(testing::packet(FrameType::RecvPacket, peer, Bytes(9, 1)), gone,
                                    testing::frame(FrameType{0x66}, Bytes(40, 1)),
                                    testing::frame(FrameType::RecvPacket, Bytes(31)),
                                    testing::packet(FrameType::RecvPacket, peer, Bytes(8, 2))));
  EXPECT_THAT(packets, ElementsAre(Bytes(9, 1), Bytes(8, 2)));
  EXPECT_THAT(take(), ElementsAre(Action{Gone{Route{kRegion, peer}}}));
  EXPECT_EQ(shared.counters.unknown_frames, 1U);
  EXPECT_EQ(shared.counters.malformed, 1U);
}

TEST_F(ConnectionTest, AnswersAFewPingsForEachRead) {
  bring_up();
  Bytes pings;
  for (int i = 0; i < 100; ++i) pings = join(pings, encode_ping(FrameType::Ping, PingData{4}));
  receive(pings);
  EXPECT_THAT(only<Write>(take()), SizeIs(8));
  receive(encode_ping(FrameType::Ping, PingData{5}));
  const auto pong = encode_ping(FrameType::Pong, PingData{5});
  EXPECT_EQ(written(take()), Bytes(pong.begin(), pong.end()));
}

TEST_F(ConnectionTest, FindsOutThatItIsDeadAndComesBack) {
  connection.set_home(true, now, out);
  bring_up();
  now += 1min;
  connection.on_written(now);
  pass();
  ASSERT_THAT(only<Write>(take()), SizeIs(1));
  pass();
  EXPECT_THAT(take(), ElementsAre(Action{Down{kRegion}},
                                  Action{Close{.region = kRegion, .drop_queue = false}}));
  EXPECT_EQ(shared.counters.declared_dead, 1U);
  EXPECT_LT(connection.next_timeout(), now + kFirstRetryJitter);
}

TEST_F(ConnectionTest, CheckPingsAtOnceAndAPongSettlesIt) {
  bring_up();
  connection.check(now, out);
  const Bytes ping = written(take());
  ASSERT_EQ(ping.size(), kFrameHeaderSize + 8);
  now += 30ms;
  receive(testing::frame(FrameType::Pong, ByteView(ping).subspan(kFrameHeaderSize)));
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(connection.next_timeout(), connection.last_wanted() + kIdleClose);
  receive(encode_ping(FrameType::Pong, PingData{9}));  // to a ping that nobody sent
  EXPECT_EQ(shared.counters.pongs, 1U);
}

TEST_F(ConnectionTest, ClosesAMinuteAfterTheLastUseUnlessHome) {
  bring_up();
  const TimePoint last_use = now += 20s;
  connection.want(last_use, out);
  now += 40s;
  receive(encode_keep_alive());
  pass();
  EXPECT_EQ(now, last_use + kIdleClose);
  EXPECT_THAT(take(), ElementsAre(Action{Down{kRegion}},
                                  Action{Close{.region = kRegion, .drop_queue = true}}));
  EXPECT_EQ(connection.state(), State::Closed);
  EXPECT_EQ(connection.next_timeout(), kNever);
}

TEST_F(ConnectionTest, HomeStaysUpForEver) {
  connection.set_home(true, now, out);
  bring_up();
  for (int i = 0; i < 100; ++i) {
    connection.on_timeout(now += 60s, out);
    receive(encode_keep_alive());
  }
  EXPECT_EQ(connection.state(), State::Up);
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(ConnectionTest, WaitsLongerForARelayThatKeepsClosing) {
  connection.set_home(true, now, out);
  Duration longest{};
  for (int i = 0; i < 30; ++i) {
    connected({.server_key = relay.key.public_key()});
    receive(relay.server_info(us));
    ASSERT_EQ(connection.state(), State::Up);
    connection.on_closed(shared.last_attempt, now += 1s, out);
    longest = std::max(longest, connection.next_timeout() - now);
    pass();
  }
  EXPECT_GT(longest, 3s);
  EXPECT_LE(longest, kRetryCap);
}

TEST_F(ConnectionTest, FindsARelayThatRestartsAsSoonAsItListens) {
  connection.set_home(true, now, out);
  bring_up();
  connection.on_closed(shared.last_attempt, now += kProvenAfter, out);
  const TimePoint lost = now;
  while (now < lost + kQuickRetries - kQuickRetryStep) {
    const TimePoint failed = now;
    pass();
    EXPECT_LE(now, failed + kQuickRetryStep);
    while (connection.state() == State::Connecting) {
      connection.on_closed(shared.last_attempt, now, out);
    }
  }
}

TEST_F(ConnectionTest, WaitsLongerForARelayThatAnswersAndDoesNotLetItIn) {
  connection.set_home(true, now, out);
  bring_up();
  connection.on_closed(shared.last_attempt, now += kProvenAfter, out);
  Duration longest{};
  for (int i = 0; i < 30; ++i) {
    pass();
    connection.on_answered(shared.last_attempt);  // and then it is the other node's turn
    while (connection.state() == State::Connecting) {
      connection.on_closed(shared.last_attempt, now, out);
    }
    longest = std::max(longest, connection.next_timeout() - now);
  }
  EXPECT_GT(longest, 3s);
}

TEST_F(ConnectionTest, RetriesAtOnceWhenTheNetworkChanged) {
  connection.set_home(true, now, out);
  for (int i = 0; i < 20; ++i) {
    connection.on_closed(shared.last_attempt, now, out);
    if (connection.state() == State::BackOff) pass();
  }
  while (connection.state() != State::BackOff) connection.on_closed(shared.last_attempt, now, out);
  take();
  connection.retry_now(now, out);
  EXPECT_THAT(only<Connect>(take()), SizeIs(1));
}

TEST_F(ConnectionTest, WaitsAsLongAsARestartingRelayAsks) {
  connection.set_home(true, now, out);
  bring_up();
  receive(encode_restarting({.reconnect_in_ms = 2000, .try_for_ms = 10000}));
  connection.on_closed(shared.last_attempt, now += 1s, out);
  EXPECT_GE(connection.next_timeout(), now + 2s);
  EXPECT_LE(connection.next_timeout(), now + 4s);
}

TEST_F(ConnectionTest, KeepsToTheRateOfTheServer) {
  bring_up({.version = 2, .rate_bytes_per_second = 10'000, .rate_burst_bytes = 100'000});
  int admitted = 0;
  while (connection.admit(1000 - kPacketFrameOverhead, now)) ++admitted;
  EXPECT_EQ(admitted, 100);
  now += 1s;
  while (connection.admit(1000 - kPacketFrameOverhead, now)) ++admitted;
  EXPECT_EQ(admitted, 110);
}

TEST_F(ConnectionTest, ClosesAStreamWithoutFrameBoundaries) {
  bring_up();
  receive(Bytes(kFrameHeaderSize, 0xff));
  EXPECT_EQ(connection.state(), State::BackOff);
  EXPECT_THAT(only<Close>(take()), SizeIs(1));
}

}  // namespace
}  // namespace warren::relay::client
