#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "path/constants.h"
#include "path/engine.h"
#include "path/testing/pair.h"

// Pings that somebody asked for.
namespace warren::path {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using testing::kByRelay;
using testing::kOneWay;
using testing::kRegion;
using testing::Pair;
using ::testing::SizeIs;

constexpr PingAnswer kRelayed{.latency = 2 * kByRelay, .endpoint = std::nullopt, .region = kRegion};

class PathEnginePing : public ::testing::Test {
 protected:
  PathEnginePing() {
    pair.introduce();
    pair.run_for(1s);
  }

  PingAnswer direct() const {
    return {.latency = 2 * kOneWay, .endpoint = pair.b.endpoint, .region = {}};
  }

  void ping(std::uint64_t token) {
    EXPECT_TRUE(pair.a.engine.ping(pair.a.peer, token, pair.now, pair.a.actions));
    pair.perform(pair.a);
  }

  void block_udp() {
    pair.passes_udp = [](const Pair::Side&, ByteView) { return false; };
  }

  std::vector<PingAnswered> answers() { return std::exchange(pair.a.answers, {}); }

  Pair pair;
};

TEST_F(PathEnginePing, IsAnsweredThroughTheRelayWhenThereIsNoOtherWay) {
  block_udp();
  ping(7);
  pair.run_for(kByRelay);
  EXPECT_THAT(answers(), IsEmpty());
  pair.run_for(kByRelay);
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 7, .answer = kRelayed}));
  EXPECT_EQ(pair.state(pair.a), PathState::Relayed);  // it proves no direct path
  pair.run_for(10s);
  EXPECT_THAT(answers(), IsEmpty());
}

TEST_F(PathEnginePing, FindsTheDirectPathAsTrafficDoes) {
  for (std::uint64_t token = 1; token <= 2; ++token) {
    ping(token);
    pair.run_for(1s);
  }
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 1, .answer = kRelayed},
                                     PingAnswered{.token = 2, .answer = direct()}));
  EXPECT_EQ(pair.state(pair.a), PathState::Direct);
}

TEST_F(PathEnginePing, GoesOverTheProvenPathAlone) {
  pair.talk_for(5s, 100ms);
  const std::size_t relayed = pair.a.relayed;
  ping(1);
  pair.run_for(2 * kOneWay);
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 1, .answer = direct()}));
  EXPECT_EQ(pair.a.relayed, relayed);
}

TEST_F(PathEnginePing, GoesBothWaysWhenThePathIsInDoubt) {
  pair.talk_for(5s, 100ms);
  pair.run_for(kSessionActive + kTrust);
  ping(1);
  pair.run_for(100ms);
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 1, .answer = direct()}));
  block_udp();
  pair.run_for(kSessionActive + kTrust);
  ping(2);
  pair.run_for(100ms);
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 2, .answer = kRelayed}));
}

TEST_F(PathEnginePing, IsAnsweredOnceThoughManyAnswer) {
  pair.talk_for(5s, 100ms);
  pair.run_for(kSessionActive + kTrust);
  ping(1);
  pair.run_for(10s);
  EXPECT_THAT(answers(), SizeIs(1));
}

TEST_F(PathEnginePing, DoesNotTakeAnEarlierPingsAnswer) {
  pair.talk_for(5s, 100ms);
  ping(1);
  pair.run_for(kOneWay);
  ping(2);
  pair.run_for(kOneWay);
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 1, .answer = direct()}));
  pair.run_for(kOneWay);
  EXPECT_THAT(answers(), ElementsAre(PingAnswered{.token = 2, .answer = direct()}));
}

TEST_F(PathEnginePing, SearchesQuicklyAgainAfterALongSearch) {
  block_udp();
  pair.talk_for(1h, 500ms);
  pair.passes_udp = [](const Pair::Side&, ByteView) { return true; };
  ping(1);
  pair.run_for(kByRelay + 3 * kOneWay + 5ms);
  EXPECT_EQ(pair.state(pair.a), PathState::Direct);
}

TEST_F(PathEnginePing, EndsWhenItIsCancelledOrThePeerIsGone) {
  const std::size_t before = pair.a.engine.table_entries();
  pair.relay_works = false;
  block_udp();
  ping(1);
  pair.a.engine.cancel_ping(1);
  pair.a.engine.cancel_ping(2);
  EXPECT_EQ(pair.a.engine.table_entries(), before);
  ping(3);
  pair.a.engine.remove_peer(pair.a.peer);
  EXPECT_LT(pair.a.engine.table_entries(), before);
}

TEST_F(PathEnginePing, WaitsForAsManyAnswersAsThereIsRoomFor) {
  pair.relay_works = false;
  for (std::uint64_t token = 0; token < kMaxRequestedPings; ++token) ping(token);
  const auto refused = pair.a.engine.ping(pair.a.peer, 100, pair.now, pair.a.actions);
  EXPECT_EQ(refused, unexpected(PingRefusal::TooMany));
  pair.a.engine.cancel_ping(5);
  ping(100);
}

TEST_F(PathEnginePing, IsRefusedWhereNobodyCouldAnswer) {
  auto& engine = pair.a.engine;
  EXPECT_EQ(engine.ping(PeerId{99}, 1, pair.now, pair.a.actions),
            unexpected(PingRefusal::UnknownPeer));
  PeerConfig stock{.node_key = pair.b.node_key, .disco_key = {}, .endpoints = {}, .home = kRegion};
  engine.set_peer(pair.a.peer, stock, pair.now, pair.a.actions);
  EXPECT_EQ(engine.ping(pair.a.peer, 1, pair.now, pair.a.actions),
            unexpected(PingRefusal::NoDisco));
}

TEST_F(PathEnginePing, FallsSilentAfterTheLastOne) {
  ping(1);
  pair.run_for(kSessionActive + kTrust + 1s);
  EXPECT_EQ(pair.state(pair.a), PathState::Idle);
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
}

}  // namespace
}  // namespace warren::path
