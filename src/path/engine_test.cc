#include "path/engine.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "path/constants.h"
#include "path/testing/pair.h"
#include "proto/disco/frame.h"

namespace warren::path {
namespace {

using testing::kByRelay;
using testing::kOneWay;
using testing::kRegion;
using testing::kStart;
using testing::Pair;

bool is_relayed(const wg::PeerPath& path) {
  return path.relay && !path.direct;
}

bool is_direct(const wg::PeerPath& path) {
  return path.direct && !path.relay;
}

bool is_both(const wg::PeerPath& path) {
  return path.direct && path.relay;
}

// The longest time between two packets that came to the side since `from`.
Duration longest_silence(const Pair::Side& side, TimePoint from, TimePoint until) {
  Duration longest{};
  TimePoint last = from;
  for (const auto& [when, packet] : side.received) {
    if (when < from) continue;
    longest = std::max(longest, when - last);
    last = when;
  }
  return std::max(longest, until - last);
}

std::vector<std::uint8_t> initiation() {
  std::vector<std::uint8_t> out(148);
  out[0] = 1;
  return out;
}

TEST(PathEngine, SaysNothingToPeersThatNobodyTalksTo) {
  Pair pair;
  pair.introduce();
  pair.run_for(600s);
  EXPECT_EQ(pair.a.relayed, 0);
  EXPECT_EQ(pair.a.udp_sent, 1);  // one STUN request, at the start
  EXPECT_EQ(pair.state(pair.a), PathState::Idle);
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
}

TEST(PathEngine, RelaysTheFirstPacketAndIsDirectSoonAfter) {
  Pair pair;
  pair.introduce();
  pair.run_for(1s);
  pair.talk(pair.a);
  EXPECT_TRUE(is_relayed(pair.path(pair.a)));
  EXPECT_EQ(pair.state(pair.a), PathState::Relayed);
  // The call, then the peer's ping, ours back, and the pong.
  pair.run_for(kByRelay + 3 * kOneWay + 5ms);
  EXPECT_TRUE(is_direct(pair.path(pair.a)));
  EXPECT_EQ(pair.path(pair.a).direct->remote, pair.b.endpoint);
  pair.talk(pair.b);
  EXPECT_TRUE(is_direct(pair.path(pair.b)));
}

TEST(PathEngine, StopsProbingWhenTheTalkHasEnded) {
  Pair pair;
  pair.introduce();
  pair.talk_for(10s, 100ms);
  pair.run_for(kSessionActive + kTrust + 1s);
  EXPECT_EQ(pair.state(pair.a), PathState::Idle);
  const std::size_t sent = pair.a.udp_sent + pair.a.relayed;
  pair.run_for(3600s);
  EXPECT_EQ(pair.a.udp_sent + pair.a.relayed, sent);
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
}

TEST(PathEngine, SendsTheFirstPacketAfterARestBothWays) {
  Pair pair;
  pair.introduce();
  pair.talk_for(1s, 100ms);
  pair.run_for(600s);
  EXPECT_TRUE(is_both(pair.path(pair.a)));
  pair.talk(pair.a);
  pair.run_for(2 * kOneWay);
  EXPECT_TRUE(is_direct(pair.path(pair.a)));
}

TEST(PathEngine, IsSilentForLessThanASecondWhenUdpIsBlocked) {
  Pair pair;
  pair.introduce();
  pair.talk_for(5s, 20ms);
  ASSERT_TRUE(is_direct(pair.path(pair.a)));
  const TimePoint blocked = pair.now;
  pair.passes_udp = [](const Pair::Side&, ByteView) { return false; };
  pair.talk_for(10s, 20ms);
  EXPECT_LT(longest_silence(pair.b, blocked, pair.now), 700ms);
  EXPECT_LT(longest_silence(pair.a, blocked, pair.now), 700ms);
  EXPECT_TRUE(is_relayed(pair.path(pair.a)));  // not for ever both
}

TEST(PathEngine, ComesBackWithinHalfAMinuteOfAnOpenWay) {
  Pair pair;
  pair.introduce();
  pair.passes_udp = [](const Pair::Side&, ByteView) { return false; };
  pair.talk_for(1h, 500ms);
  ASSERT_TRUE(is_relayed(pair.path(pair.a)));
  pair.passes_udp = [](const Pair::Side&, ByteView) { return true; };
  pair.talk_for(kLastRound + 1s, 500ms);
  EXPECT_TRUE(is_direct(pair.path(pair.a)));
  EXPECT_TRUE(is_direct(pair.path(pair.b)));
}

TEST(PathEngine, FindsAPathThatWorksOneWayOnlyUseless) {
  Pair pair;
  pair.introduce();
  pair.talk_for(5s, 20ms);
  pair.passes_udp = [&](const Pair::Side& from, ByteView) { return &from == &pair.b; };
  const TimePoint blocked = pair.now;
  pair.talk_for(20s, 20ms);
  EXPECT_TRUE(is_relayed(pair.path(pair.a)));
  // Its own packets still arrive, so it waits for the pongs that do not.
  EXPECT_LT(longest_silence(pair.b, blocked, pair.now), kTrust + kSuspicion);
}

TEST(PathEngine, FollowsThePeerToANewAddress) {
  Pair pair;
  pair.introduce();
  pair.talk_for(5s, 20ms);
  const TimePoint moved = pair.now;
  pair.a.endpoint.address = IpAddress::v4({198, 51, 100, 77});
  pair.a.engine.on_network({.addresses = {{.address = pair.a.endpoint.address, .interface = 3}},
                            .default_v4 = 3,
                            .default_v6 = 0,
                            .port_v4 = pair.a.endpoint.port,
                            .port_v6 = 0},
                           pair.now, pair.a.actions);
  pair.perform(pair.a);
  pair.talk_for(5s, 20ms);
  EXPECT_LT(longest_silence(pair.a, moved, pair.now), 700ms);
  EXPECT_LT(longest_silence(pair.b, moved, pair.now), 700ms);
  EXPECT_EQ(pair.path(pair.b).direct->remote, pair.a.endpoint);
}

TEST(PathEngine, CallsAPeerThatIsNotThereYetUntilItIs) {
  Pair pair;
  pair.introduce();
  pair.relay_works = false;
  pair.talk(pair.a);
  for (int i = 0; i < 5; ++i) {
    pair.a.engine.on_peer_gone({.region = kRegion, .peer = pair.b.node_key}, pair.now,
                               pair.a.actions);
    pair.perform(pair.a);
    pair.run_for(kGoneRetryMin * (1 << i));
  }
  const auto calls = pair.a.engine.counters().call_me_maybes_sent;
  EXPECT_GE(calls, 6);
  pair.relay_works = true;
  pair.a.engine.on_peer_gone({.region = kRegion, .peer = pair.b.node_key}, pair.now,
                             pair.a.actions);
  pair.run_for(kGoneRetryMin * 32 + kByRelay + 5 * kOneWay);
  EXPECT_TRUE(is_direct(pair.path(pair.a)));
}

TEST(PathEngine, RepeatsAnInitiationByteForByteUntilASessionBegins) {
  Pair pair;
  pair.introduce();
  pair.passes_udp = [](const Pair::Side&, ByteView) { return false; };
  pair.a.engine.send_handshake(pair.a.peer, initiation(), pair.now, pair.a.actions);
  pair.perform(pair.a);
  pair.run_for(60s);
  ASSERT_EQ(pair.b.received.size(), 1 + kInitiationRepeats);
  for (const auto& [when, packet] : pair.b.received) EXPECT_EQ(packet, initiation());

  pair.b.received.clear();
  pair.a.engine.send_handshake(pair.a.peer, initiation(), pair.now, pair.a.actions);
  pair.a.engine.on_session(pair.a.peer);
  pair.perform(pair.a);
  pair.run_for(60s);
  EXPECT_EQ(pair.b.received.size(), 1);
}

TEST(PathEngine, SendsHandshakesBothWaysWhileThePathIsUnproven) {
  Pair pair;
  pair.introduce();
  pair.talk_for(1s, 100ms);
  pair.run_for(600s);
  pair.b.received.clear();
  pair.a.engine.send_handshake(pair.a.peer, initiation(), pair.now, pair.a.actions);
  pair.perform(pair.a);
  pair.run_for(kByRelay);
  EXPECT_EQ(std::ranges::count_if(pair.b.received,
                                  [](const auto& got) { return got.second == initiation(); }),
            2);
}

TEST(PathEngine, CountsAndDropsWhatStrangersSend) {
  Pair pair;
  pair.introduce();
  const Pair strangers;
  std::vector<std::uint8_t> frame(124);
  disco::seal_frame(
      frame, strangers.a.disco_key, std::array<std::uint8_t, kBoxNonceSize>{},
      [] {
        BoxKey key;
        SeededRandom random(9);
        EXPECT_TRUE(key.init(DiscoPrivateKey::generate(random).bytes(),
                             DiscoPrivateKey::generate(random).public_key().bytes()));
        return key;
      }(),
      std::vector<std::uint8_t>(46));
  SeededRandom random(3);
  std::array<std::uint8_t, 32> key{};
  random.fill(key);
  std::ranges::copy(key, frame.begin() + 6);  // the sender
  const UdpPath from{.remote = {.address = IpAddress::v4({198, 51, 100, 9}), .port = 9},
                     .source = {}};
  pair.a.engine.on_disco(frame, from, pair.now, pair.a.actions);
  EXPECT_EQ(pair.a.engine.counters().unknown_sender, 1);

  // In the name of a peer, but not by its key.
  std::ranges::copy(pair.b.disco_key.bytes(), frame.begin() + 6);
  pair.a.engine.on_disco(frame, from, pair.now, pair.a.actions);
  EXPECT_EQ(pair.a.engine.counters().not_authentic, 1);
  EXPECT_TRUE(pair.a.actions.empty());
}

TEST(PathEngine, BelievesACallOnlyFromItsOwnNodeKey) {
  Pair pair;
  pair.introduce();
  pair.run_for(1s);
  pair.a.engine.set_peer(PeerId{2},
                         {.node_key = NodePublicKey(std::array<std::uint8_t, 32>{5}),
                          .disco_key = DiscoPublicKey(std::array<std::uint8_t, 32>{6}),
                          .endpoints = {},
                          .home = kRegion},
                         pair.now, pair.a.actions);
  pair.b.engine.on_activity(pair.b.peer, pair.b.activity, pair.now, pair.b.actions);
  pair.b.activity.authenticated_sent.set(pair.now);
  pair.b.engine.on_activity(pair.b.peer, pair.b.activity, pair.now, pair.b.actions);
  pair.b.engine.on_timeout(pair.now, pair.b.actions);
  const auto call = std::ranges::find_if(pair.b.actions, [](const Action& action) {
    return std::holds_alternative<SendRelay>(action);
  });
  ASSERT_NE(call, pair.b.actions.end());
  pair.a.engine.on_relayed_disco(
      std::get<SendRelay>(*call).datagram,
      {.region = kRegion, .peer = NodePublicKey(std::array<std::uint8_t, 32>{5})}, pair.now,
      pair.a.actions);
  EXPECT_EQ(pair.a.engine.counters().wrong_sender, 1);
  EXPECT_EQ(pair.a.engine.counters().call_me_maybes_received, 0);
}

TEST(PathEngine, CountsCandidatesThatGiveWayToOthers) {
  Pair pair;
  pair.introduce();
  std::vector<std::uint8_t> ping;
  pair.passes_udp = [&](const Pair::Side& from, ByteView datagram) {
    if (&from == &pair.b && datagram.size() == 124) ping.assign(datagram.begin(), datagram.end());
    return true;
  };
  pair.talk_for(1s, 100ms);
  ASSERT_FALSE(ping.empty());
  for (std::uint16_t port = 1; port <= 2 * kMaxCandidates; ++port) {
    pair.a.engine.on_disco(ping,
                           {.remote = {.address = IpAddress::v4({198, 51, 100, 9}), .port = port},
                            .source = std::nullopt},
                           pair.now, pair.a.actions);
  }
  EXPECT_EQ(pair.a.engine.status(pair.a.peer).candidates, kMaxCandidates);
  EXPECT_GE(pair.a.engine.counters().candidates_evicted, kMaxCandidates);
  EXPECT_EQ(pair.a.engine.status(pair.a.peer).path.direct->remote, pair.b.endpoint);
}

TEST(PathEngine, ChangesHomeWhenTheMapHasAnotherRelay) {
  Pair pair;
  pair.introduce();
  EXPECT_EQ(pair.a.engine.home(), kRegion);
  auto other_map = std::make_shared<relay::Map>(*pair.map);
  other_map->regions[0].id = relay::RegionId{9};
  pair.a.engine.set_relay_map(other_map, pair.now, pair.a.actions);
  EXPECT_THAT(pair.a.actions, ::testing::Contains(Action{SetHome{relay::RegionId{9}}}));
}

TEST(PathEngine, MeasuresRelaysByHttpsWhenUdpIsBlocked) {
  Pair pair;
  pair.passes_udp = [](const Pair::Side&, ByteView) { return false; };
  pair.introduce();
  pair.run_for(kMeasureAfter - 1ms);
  pair.a.engine.on_timeout(kStart + kMeasureAfter, pair.a.actions);
  EXPECT_THAT(pair.a.actions, ::testing::Contains(Action{MeasureRelay{kRegion}}));
  pair.perform(pair.a);
  pair.a.engine.on_relay_measured(kRegion, 25ms, pair.now, pair.a.actions);
  pair.run_for(kStunLimit);
  const Report& report = pair.a.engine.report();
  EXPECT_FALSE(report.udp);
  ASSERT_EQ(report.latencies.size(), 1);
  EXPECT_EQ(report.latencies[0].https, 25ms);
  EXPECT_EQ(report.home, kRegion);
}

TEST(PathEngine, ForgetsAPeerThatIsRemoved) {
  Pair pair;
  pair.introduce();
  pair.talk_for(1s, 100ms);
  pair.a.engine.remove_peer(pair.a.peer);
  EXPECT_FALSE(pair.a.engine.find(pair.b.node_key));
  pair.a.engine.on_activity(pair.a.peer, pair.a.activity, pair.now, pair.a.actions);
  pair.run_for(600s);
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
}

}  // namespace
}  // namespace warren::path
