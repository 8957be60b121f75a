#include "tunnel/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "path/constants.h"
#include "tunnel/testing/mesh_pair.h"

// Both engines and the worker together: what the control strand makes of events, with real paths.
namespace warren::tunnel {
namespace {

using path::PathState;
using ::testing::Contains;
using ::testing::IsEmpty;
using testing::kRegion;
using testing::MeshPair;
using ::testing::SizeIs;

// Sends a packet every `interval` both ways; how many arrived.
std::size_t talk(MeshPair& pair, Duration time, Duration interval = 50ms) {
  std::size_t arrived = 0;
  for (Duration passed{}; passed < time; passed += interval) {
    pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
    pair.b.tun.put(testing::udp_packet(pair.b, pair.a, 100));
    pair.run_for(interval);
    arrived += pair.a.tun.discard() + pair.b.tun.discard();
  }
  return arrived;
}

path::PeerStatus status(const testing::Side& side) {
  return side.control.paths()->engine().status(side.peer);
}

TEST(Paths, AreRelayedAtFirstAndDirectSoon) {
  MeshPair pair;
  pair.connect_to_network();
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.settle();
  EXPECT_EQ(pair.b.tun.discard(), 1U);
  talk(pair, 1s);
  for (const testing::Side* const side : {&pair.a, &pair.b}) {
    EXPECT_EQ(status(*side).state, PathState::Direct);
    EXPECT_EQ(side->control.engine().status(side->peer).endpoint->to_string(),
              pair.other(*side).address);
  }
}

TEST(Paths, LoseNothingFromTheFirstPacketOn) {
  MeshPair pair;
  pair.connect_to_network();
  EXPECT_EQ(talk(pair, 5s), 200U);
}

TEST(Paths, FallBackToTheRelayWithinASecondAndComeBack) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 1s);
  ASSERT_EQ(status(pair.a).state, PathState::Direct);

  pair.network.cut = true;
  talk(pair, 1s);
  EXPECT_NE(status(pair.a).state, PathState::Direct);
  EXPECT_EQ(talk(pair, 2s), 80U);
  talk(pair, 30s);
  EXPECT_EQ(status(pair.a).state, PathState::Relayed);

  pair.network.cut = false;
  EXPECT_EQ(talk(pair, 31s), 1240U);
  EXPECT_EQ(status(pair.a).state, PathState::Direct);
}

TEST(Paths, TellWhenTheyChange) {
  MeshPair pair;
  std::vector<wg::PeerPath> seen;
  pair.tell(pair.a, [&](Paths& paths) {
    paths.observe({.path_changed = [&](wg::PeerId peer) {
      seen.push_back(paths.engine().status(peer).path);
    }});
  });
  pair.connect_to_network();
  talk(pair, 1s);
  ASSERT_THAT(seen, SizeIs(1));  // it was relayed from the start
  EXPECT_TRUE(seen.front().direct && !seen.front().relay);
  pair.network.cut = true;
  talk(pair, 1s);
  ASSERT_GE(seen.size(), 2U);
  EXPECT_TRUE(seen[1].direct && seen[1].relay);
}

TEST(Paths, OutliveTheKeysOfASession) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 1s);
  EXPECT_EQ(talk(pair, 400s, 1s), 800U);
  EXPECT_GE(pair.a.control.engine().counters().handshakes_completed, 3U);
  EXPECT_EQ(status(pair.a).state, PathState::Direct);
}

TEST(Paths, SendKeepalivesTheWayPacketsGo) {
  MeshPair pair;
  pair.connect();
  const auto keepalive = [&] {
    pair.a.control.configure(
        [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
          engine.set_persistent_keepalive(pair.a.peer, 0s, now, out);
          engine.set_persistent_keepalive(pair.a.peer, 25s, now, out);
        },
        pair.clock.now());
  };
  keepalive();
  EXPECT_THAT(pair.relay_a.sent, SizeIs(1));
  EXPECT_EQ(pair.a.udp->sent, 0U);
  pair.set_path(pair.a, {.direct = MeshPair::direct_to(pair.b), .relay = std::nullopt});
  keepalive();
  EXPECT_THAT(pair.relay_a.sent, SizeIs(1));
  EXPECT_EQ(pair.a.udp->sent, 1U);
}

TEST(Paths, AreDoubtedWhenTheKernelCannotReachThem) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 1s);
  ASSERT_EQ(status(pair.a).state, PathState::Direct);
  pair.a.udp->error = ENETUNREACH;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.run_for(20ms);
  EXPECT_EQ(status(pair.a).state, PathState::Doubt);
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.run_for(1ms);
  EXPECT_EQ(pair.b.tun.discard(), 1U);
}

TEST(Paths, AreDoubtedAfterASleep) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 1s);
  pair.tell(pair.a, [&](Paths& paths) { paths.on_wakeup(pair.clock.now()); });
  EXPECT_EQ(status(pair.a).state, PathState::Doubt);
  EXPECT_GE(pair.relay_a.network_changes, 2);
  talk(pair, 1s);
  EXPECT_EQ(status(pair.a).state, PathState::Direct);
}

TEST(Paths, RefuseWhoeverIsNoPeerAtTheRelay) {
  MeshPair pair;
  pair.connect();
  const relay::Route stranger{.region = kRegion,
                              .peer = NodePublicKey(std::array<std::uint8_t, 32>{9})};
  pair.a.control.on_relayed(stranger, std::vector<std::uint8_t>(148, 1), pair.clock.now());
  EXPECT_EQ(pair.a.control.paths()->counters().relayed_unknown, 1U);
  pair.a.control.on_relayed(MeshPair::relayed_to(pair.b), std::vector<std::uint8_t>(40, 9),
                            pair.clock.now());
  EXPECT_EQ(pair.a.control.paths()->counters().relayed_malformed, 1U);
  EXPECT_THAT(pair.relay_a.sent, IsEmpty());
}

TEST(Paths, SendACookieBackThroughTheRelay) {
  MeshPair pair;
  pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
  pair.a.worker->round();
  pair.a.control.on_worker(pair.clock.now());
  const auto initiation = std::ranges::find_if(
      pair.relay_a.sent, [](const auto& message) { return message.second.front() == 1; });
  ASSERT_NE(initiation, pair.relay_a.sent.end());
  pair.tell(pair.b, [&](Paths& paths) {
    paths.on_relayed(MeshPair::relayed_to(pair.a), initiation->second, 128, pair.clock.now());
  });
  // Performed after the WireGuard engine asked for it.
  pair.b.control.on_timeout(pair.clock.now());
  ASSERT_THAT(pair.relay_b.sent, SizeIs(1));
  EXPECT_EQ(pair.relay_b.sent.front().first, MeshPair::relayed_to(pair.a));
  EXPECT_EQ(pair.relay_b.sent.front().second.front(), 3);
}

TEST(Paths, ForgetPeersThatTheWireGuardEngineForgot) {
  MeshPair pair;
  pair.connect();
  pair.a.control.configure([&](wg::Engine& engine, TimePoint now,
                               wg::Actions& out) { engine.remove_peer(pair.a.peer, now, out); },
                           pair.clock.now());
  EXPECT_EQ(pair.a.control.paths()->engine().find(pair.b.private_key.public_key()), std::nullopt);
  pair.tell(pair.a, [&](Paths& paths) {
    path::PeerConfig config;
    config.node_key = pair.b.private_key.public_key();
    paths.set_peer(pair.a.peer, config, pair.clock.now());
  });
  EXPECT_EQ(pair.a.control.paths()->engine().find(pair.b.private_key.public_key()), std::nullopt);
  pair.run_for(10s);
}

TEST(Paths, ShakeHandsAnewWhenThePeersDiscoKeyChanges) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 1s);
  const std::uint64_t before = pair.a.control.engine().counters().handshakes_completed;
  pair.tell(pair.a, [&](Paths& paths) {
    paths.set_peer(pair.a.peer,
                   {.node_key = pair.b.private_key.public_key(),
                    .disco_key = testing::Side::disco_key(3).public_key(),
                    .endpoints = {},
                    .home = kRegion},
                   pair.clock.now());
  });
  EXPECT_GE(talk(pair, 1s), 39U);  // b sends one for the key that a has just erased
  EXPECT_EQ(pair.a.control.engine().counters().handshakes_completed, before + 1);
}

// Its keys come back, but no session: as if b had been killed and started again.
void lose_sessions(MeshPair& pair) {
  for (const bool is_back : {false, true}) {
    pair.b.control.configure(
        [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
          engine.set_private_key(is_back ? pair.b.private_key.clone() : NodePrivateKey(), now, out);
        },
        pair.clock.now());
  }
}

// Only a talks; how many packets arrived.
std::size_t talk_to_b(MeshPair& pair, Duration time) {
  std::size_t arrived = 0;
  for (Duration passed{}; passed < time; passed += 50ms) {
    pair.a.tun.put(testing::udp_packet(pair.a, pair.b, 100));
    pair.run_for(50ms);
    arrived += pair.b.tun.discard();
  }
  return arrived;
}

TEST(Paths, ShakeHandsWithWhoeverSendsDirectlyForALostKey) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 10s);
  ASSERT_EQ(status(pair.b).state, PathState::Direct);
  lose_sessions(pair);
  EXPECT_GE(talk_to_b(pair, 1s), 19U);
  EXPECT_EQ(pair.relay_b.sent.size(), 0U);
}

TEST(Paths, ShakeHandsWithWhoeverSendsThroughTheRelayForALostKey) {
  MeshPair pair;
  pair.connect();
  pair.run_for(10s);
  lose_sessions(pair);
  EXPECT_GE(talk_to_b(pair, 1s), 19U);
}

TEST(Paths, HearNothingOfStrangersDataForALostKey) {
  MeshPair pair;
  pair.connect_to_network();
  talk(pair, 10s);
  lose_sessions(pair);
  sockaddr_in stranger = pair.a.udp->own();
  stranger.sin_port = htons(7);
  MeshPair::inject(pair.b, stranger, std::array<std::uint8_t, 64>{4});
  pair.settle();
  EXPECT_EQ(pair.b.drops(DropReason::RxIndex), 1U);
  EXPECT_EQ(pair.b.control.engine().next_timeout(), kNever);
}

TEST(Paths, PingThroughTheRelayAndThenDirectly) {
  MeshPair pair;
  pair.connect_to_network();
  std::vector<path::PingAnswer> answers;
  for (int i = 0; i < 2; ++i) {
    pair.tell(pair.a, [&](Paths& paths) {
      EXPECT_TRUE(paths.ping(
          pair.a.peer, [&](const path::PingAnswer& answer) { answers.push_back(answer); },
          pair.clock.now()));
    });
    pair.run_for(1s);
  }
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].region, kRegion);
  EXPECT_EQ(answers[1].endpoint, Endpoint::parse(pair.b.address));
}

TEST(Paths, ForgetPingsThatAreCancelled) {
  MeshPair pair;
  pair.connect_to_network();
  pair.relay_is_down = pair.network.cut = true;
  int answers = 0;
  std::vector<std::uint64_t> asked;
  const auto ping = [&] {
    Result<std::uint64_t> out;
    pair.tell(pair.a, [&](Paths& paths) {
      out = paths.ping(pair.a.peer, [&](const path::PingAnswer&) { ++answers; }, pair.clock.now());
    });
    return out;
  };
  while (const auto token = ping()) asked.push_back(*token);
  EXPECT_THAT(asked, SizeIs(path::kMaxRequestedPings));
  EXPECT_EQ(ping().error().code, Errc::Unavailable);
  pair.tell(pair.a, [&](Paths& paths) {
    for (const std::uint64_t token : asked) paths.cancel_ping(token);
  });
  pair.relay_is_down = pair.network.cut = false;
  EXPECT_TRUE(ping());
  pair.run_for(1s);
  EXPECT_EQ(answers, 1);
}

TEST(Paths, TellTheirObserverAndTheRelayClient) {
  MeshPair pair;
  std::vector<Endpoint> endpoints;
  pair.tell(pair.a, [&](Paths& paths) {
    paths.observe({.endpoints_changed = [&](const auto& now_known) { endpoints = now_known; },
                   .home_changed = {},
                   .report_ready = {}});
  });
  EXPECT_EQ(pair.relay_a.home, kRegion);
  pair.connect_to_network();
  EXPECT_THAT(endpoints, Contains(Endpoint::parse(pair.a.address).value()));
  EXPECT_EQ(pair.relay_a.network_changes, 1);
}

}  // namespace
}  // namespace warren::tunnel
