#include "sim/wg_pair.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/wireguard/messages.h"

namespace warren::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The types of the datagrams sent, one letter each: initiation, response, cookie, data, keepalive.
std::string letters(const std::vector<Datagram>& datagrams) {
  std::string out;
  for (const Datagram& datagram : datagrams) {
    const bool is_keepalive = datagram.bytes.size() == wireguard::kDataOverhead;
    out += is_keepalive ? 'k' : " ircd"[datagram.bytes[0]];
  }
  return out;
}

TEST(WgPair, DeliversTheFirstPacketAfterTheHandshake) {
  WgPair pair(1);
  const auto id = pair.send(pair.a);
  pair.time.run_for(1s);
  EXPECT_THAT(pair.b.delivered, ElementsAre(id));
  EXPECT_EQ(letters(pair.sent), "ird");
}

TEST(WgPair, RekeysForTenMinutesWithoutLosingAPacket) {
  WgPair pair(1);
  pair.talk(600s, 100ms);
  pair.time.run_for(1s);
  EXPECT_EQ(pair.a.delivered.size(), 6000);
  EXPECT_EQ(pair.b.delivered.size(), 6000);
  // Two at once, and one each 120 s from then on.
  EXPECT_EQ(std::ranges::count(letters(pair.sent), 'i'), 2 + 4);
  EXPECT_EQ(pair.a.host->counters().rx_key_expired, 0);
}

TEST(WgPair, KeepsOneSidedTrafficFlowingOverRekeys) {
  WgPair pair(1);
  for (int i = 0; i < 600; ++i) {
    pair.send(pair.a);
    pair.time.run_for(1s);
  }
  EXPECT_EQ(pair.b.delivered.size(), 600);
}

TEST(WgPair, RenewsTheKeyWhenOnlyTheResponderTalks) {
  WgPair pair(1);
  pair.send(pair.a);
  pair.time.run_for(1s);
  for (int i = 0; i < 600; ++i) {
    pair.send(pair.b);
    pair.time.run_for(1s);
  }
  EXPECT_EQ(pair.a.delivered.size(), 600);
}

TEST(WgPair, GetsDataThroughWithLossInTheEnd) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    WgPair pair(seed, {.jitter = 20ms, .keeps_order = false, .loss_percent = 20});
    pair.talk(400s, 1s);
    EXPECT_GT(pair.a.delivered.size(), 200);
    EXPECT_GT(pair.b.delivered.size(), 200);
    pair.network.set_quality(kUsualQuality);
    pair.talk(30s, 1s);
    pair.a.delivered.clear();
    pair.b.delivered.clear();
    pair.talk(10s, 1s);
    EXPECT_EQ(pair.a.delivered.size(), 10);
    EXPECT_EQ(pair.b.delivered.size(), 10);
  }
}

TEST(WgPair, RecoversWhenOneSideRestarts) {
  WgPair pair(1);
  pair.talk(10s, 1s);
  pair.restart(pair.b);
  pair.b.delivered.clear();
  for (int i = 0; i < 20; ++i) {
    pair.send(pair.a);
    pair.time.run_for(1s);
  }
  EXPECT_THAT(pair.b.delivered, testing::Not(IsEmpty()));  // 15 s without an answer, then anew
  pair.restart(pair.a);
  pair.a.delivered.clear();
  const auto id = pair.send(pair.a);  // the one that knows less speaks: at once
  pair.time.run_for(1s);
  EXPECT_EQ(pair.b.delivered.back(), id);
}

TEST(WgPair, AgreesWhenBothBeginAtOnce) {
  WgPair pair(1);
  const auto to_b = pair.send(pair.a);
  const auto to_a = pair.send(pair.b);
  pair.time.run_for(1s);
  EXPECT_THAT(pair.a.delivered, ElementsAre(to_a));
  EXPECT_THAT(pair.b.delivered, ElementsAre(to_b));
}

TEST(WgPair, DeliversDuplicatesOnce) {
  WgPair pair(1, {.delay = 10ms, .duplicate_percent = 100});
  pair.talk(100s, 100ms);
  pair.time.run_for(1s);
  EXPECT_EQ(pair.b.delivered.size(), 1000);
  EXPECT_GE(pair.b.host->counters().rx_replay, 900);
  EXPECT_THAT(pair.b.host->engine().peers(), testing::SizeIs(1));
}

TEST(WgPair, DeliversWhatWasReorderedByEightThousandPositions) {
  WgPair pair(1);
  pair.send(pair.a);
  pair.time.run_for(1s);
  pair.network.set_quality({.jitter = 8000ms, .keeps_order = false});
  for (int i = 0; i < 20'000; ++i) {
    pair.send(pair.a);
    pair.time.run_for(1ms);
  }
  pair.time.run_for(10s);
  EXPECT_EQ(pair.b.delivered.size(), 20'001);
  EXPECT_FALSE(std::ranges::is_sorted(pair.b.delivered));
  EXPECT_EQ(pair.b.host->counters().rx_replay, 0);
}

TEST(WgPair, RefusesWhatIsReplayedLater) {
  WgPair pair(1);
  pair.talk(20s, 1s);
  pair.time.run_for(30s);
  const auto recorded = pair.sent;
  const auto delivered = pair.b.delivered.size() + pair.a.delivered.size();
  for (const Datagram& datagram : recorded) pair.network.inject(datagram, 0s);
  pair.time.run_for(1s);
  EXPECT_EQ(pair.b.delivered.size() + pair.a.delivered.size(), delivered);
  EXPECT_EQ(pair.sent.size(), recorded.size());  // nobody answers
}

TEST(WgPair, SendsOneKeepaliveAfterOnePacketAndThenNothing) {
  WgPair pair(1);
  pair.send(pair.a);
  pair.time.run_for(700s);
  EXPECT_EQ(letters(pair.sent), "irdk");
  EXPECT_EQ(pair.a.host->engine().index_table().size(), 0);  // wiped
  EXPECT_EQ(pair.b.host->engine().index_table().size(), 0);
}

TEST(WgPair, IsSilentWhenNothingIsToBeSaid) {
  WgPair pair(1);
  pair.time.run_for(3600s);
  EXPECT_THAT(pair.sent, IsEmpty());
  EXPECT_EQ(pair.time.pending(), 0);
}

TEST(WgPair, KeepsASessionAliveByPersistentKeepalives) {
  WgPair pair(1);
  pair.a.host->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.set_persistent_keepalive(pair.a.peer, 25s, now, out);
  });
  pair.time.run_for(100s);
  // The first asks for a handshake and confirms it; the others follow every 25 s.
  EXPECT_EQ(letters(pair.sent), "irkkkk");
  pair.time.run_for(1000s);
  // A key is renewed by the first keepalive that finds it older than 120 s.
  const auto seen = letters(pair.sent);
  EXPECT_EQ(std::ranges::count(seen, 'i'), 1 + 1000 / 125);
  EXPECT_EQ(std::ranges::count(seen, 'i'), std::ranges::count(seen, 'r'));
}

TEST(WgPair, RekeysAfterTheWallClockOfOneSideWentBackAnHour) {
  WgPair pair(1);
  pair.talk(10s, 1s);
  pair.a.host->wall_clock().step(-3600s);
  pair.talk(300s, 1s);
  pair.time.run_for(1s);
  EXPECT_EQ(pair.a.delivered.size(), 310);
  EXPECT_EQ(pair.b.delivered.size(), 310);
}

TEST(WgPair, FollowsAHostThatMoves) {
  WgPair pair(1);
  pair.talk(10s, 1s);
  const Endpoint elsewhere{.address = IpAddress::v4({198, 51, 100, 7}), .port = 1234};
  pair.a.host->move_to(elsewhere);
  pair.talk(10s, 1s);
  pair.time.run_for(1s);
  EXPECT_EQ(pair.b.host->engine().status(pair.b.peer).endpoint, elsewhere);
  EXPECT_GE(pair.a.delivered.size(), 19);
}

TEST(WgPair, StagesOnlySoManyPackets) {
  WgPair pair(1, {.delay = 10ms, .loss_percent = 100});
  for (int i = 0; i < 200; ++i) pair.send(pair.a);
  EXPECT_EQ(pair.a.host->staged(pair.a.peer), WgHost::kMaxStaged);
  EXPECT_EQ(pair.a.host->counters().staged_overflow, 200 - WgHost::kMaxStaged);
  pair.time.run_for(110s);
  EXPECT_EQ(pair.a.host->staged(pair.a.peer), 0);
  EXPECT_EQ(letters(pair.sent), std::string(20, 'i'));
}

TEST(WgPair, DropsPacketsFromAddressesThePeerMayNotUse) {
  WgPair pair(1);
  pair.send(pair.a);
  pair.time.run_for(1s);
  pair.a.host->send_packet(make_packet(IpAddress::v4({10, 0, 0, 9}), pair.b.address, 99));
  pair.time.run_for(1s);
  EXPECT_THAT(pair.b.delivered, ElementsAre(1));
  EXPECT_EQ(pair.b.host->counters().inner_source, 1);
}

TEST(WgPair, SurvivesGarbage) {
  WgPair pair(1);
  SeededRandom random(1);
  pair.send(pair.a);
  pair.time.run_for(1s);
  for (int i = 0; i < 5000; ++i) {
    Datagram datagram{.from = pair.a.endpoint,
                      .to = pair.b.endpoint,
                      .bytes = std::vector<std::uint8_t>(random.below(300))};
    random.fill(datagram.bytes);
    if (datagram.bytes.size() >= 4 && random.below(2) == 0)
      store_le<std::uint32_t>(datagram.bytes.data(), static_cast<std::uint32_t>(random.below(6)));
    pair.network.inject(datagram, 0s);
  }
  // True datagrams with a bit flipped.
  for (int i = 0; i < 5000; ++i) {
    Datagram datagram = pair.sent[random.below(pair.sent.size())];
    datagram.bytes[random.below(datagram.bytes.size())] ^= 1U << random.below(8);
    pair.network.inject(datagram, 0s);
  }
  const auto sent = pair.sent.size();
  pair.time.run_for(1s);
  EXPECT_EQ(pair.sent.size(), sent);
  pair.send(pair.a);
  pair.time.run_for(1s);
  EXPECT_EQ(pair.b.delivered.size(), 2);
}

TEST(WgPair, WorksUnderLoadWithCookies) {
  WgPair pair(1);
  pair.b.host->set_backlog(200);
  pair.send(pair.a);
  pair.time.run_for(6s);
  EXPECT_EQ(letters(pair.sent), "icird");
}

}  // namespace
}  // namespace warren::sim
