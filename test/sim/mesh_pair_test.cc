#include "sim/mesh_pair.h"

#include <gtest/gtest.h>

#include "policy/filter.h"
#include "sim/packet.h"

namespace warren::sim {
namespace {

constexpr Duration kOften = 20ms;  // between packets, where silence is measured

// Two homes behind carriers, talking directly.
std::unique_ptr<MeshPair> direct_pair(Trace& trace) {
  auto pair =
      std::make_unique<MeshPair>(3, site("easy behind CGNAT"), site("easy behind CGNAT"), &trace);
  EXPECT_TRUE(pair->time_to_direct(2s)) << trace.text();
  pair->talk(10s, kOften);
  return pair;
}

class MeshPairDisturbed : public testing::Test {
 protected:
  // Talks on, and says for how long either side heard nothing.
  Duration silence_for(Duration time) {
    const TimePoint from = pair->time.now();
    pair->talk(time, kOften);
    return std::max(pair->silence(pair->a, from), pair->silence(pair->b, from));
  }

  // Only a talks; until b hears it.
  Duration time_to_hear_a() {
    const TimePoint from = pair->time.now();
    const std::size_t before = pair->b.delivered.size();
    while (pair->b.delivered.size() == before && pair->time.now() - from < 30s) {
      pair->send(pair->a);
      pair->time.run_for(kOften);
    }
    return pair->time.now() - from;
  }

  Trace trace;
  std::unique_ptr<MeshPair> pair = direct_pair(trace);
};

TEST(MeshPair, TalksBetweenAllPlacesAndIsDirectWhereThatIsPossible) {
  for (std::size_t i = 0; i < all_sites().size(); ++i) {
    for (std::size_t j = i; j < all_sites().size(); ++j) {
      const Site& left = all_sites()[i];
      const Site& right = all_sites()[j];
      SCOPED_TRACE(left.name + " and " + right.name);
      Trace trace;
      MeshPair pair(7, left, right, &trace);
      EXPECT_EQ(pair.time_to_direct(4s).has_value(), can_be_direct(left, right)) << trace.text();
      const TimePoint from = pair.time.now();
      pair.talk(2s);
      EXPECT_LT(pair.silence(pair.a, from), 500ms) << trace.text();
      EXPECT_LT(pair.silence(pair.b, from), 500ms) << trace.text();
      if (HasFailure()) return;
    }
  }
}

TEST(MeshPair, TalksToStockClientsAndIsDirectWhereThatIsPossible) {
  for (const Site& left : all_sites()) {
    for (const Site& right : all_sites()) {
      SCOPED_TRACE(left.name + " and " + right.name);
      Trace trace;
      MeshPair pair(7, left, right, &trace, NodeKind::Stock);
      // Stock has not been told our addresses, and asks by itself only five seconds after we did.
      EXPECT_EQ(pair.time_to_direct(10s, 100ms).has_value(), can_be_direct(left, right))
          << trace.text();
      EXPECT_FALSE(pair.a.delivered.empty() || pair.b.delivered.empty()) << trace.text();
      if (HasFailure()) return;
    }
  }
}

TEST(MeshPair, HearsTheFirstPacketByTheRelay) {
  MeshPair pair(1, site("hard"), site("hard"));
  const TimePoint start = pair.time.now();
  pair.talk(1s, kOften);
  ASSERT_FALSE(pair.a.delivered.empty());
  EXPECT_LT(pair.a.delivered.front() - start, 150ms);
}

TEST(MeshPair, AsksTheFilterOnBothSides) {
  MeshPair pair(1, site("hard"), site("hard"));
  for (const MeshPair::Side* const side : {&pair.a, &pair.b}) {
    policy::FilterConfig config;  // no rules: only answers come in
    config.addresses = {side->address};
    side->node->set_filter(*policy::Filter::create(config));
  }
  const auto send = [&](MeshPair::Side& from, std::uint64_t id) {
    from.node->send_packet(make_packet(from.address, pair.other(from).address, id));
    pair.time.run_for(1s);
  };
  send(pair.a, 1);
  EXPECT_EQ(pair.b.node->counters().filtered, 1U);
  EXPECT_TRUE(pair.b.delivered.empty());
  send(pair.b, 2);
  EXPECT_EQ(pair.a.delivered.size(), 1U);  // it had asked
  send(pair.a, 3);
  EXPECT_EQ(pair.b.delivered.size(), 1U);
}

TEST_F(MeshPairDisturbed, GoesOnByTheRelayWhenUdpIsBlocked) {
  pair->a.site.home->block(lab::Block::Udp);
  EXPECT_LT(silence_for(20s), 800ms) << trace.text();
  EXPECT_FALSE(pair->is_direct(pair->a));
  pair->a.site.home->block(lab::Block::Nothing);
  EXPECT_TRUE(pair->time_to_direct(31s)) << trace.text();
}

TEST_F(MeshPairDisturbed, GoesOnWhenThePublicAddressChanges) {
  pair->a.site.outer()->change_external({*pair->internet.root().lease().v4});
  EXPECT_LT(silence_for(20s), 1s) << trace.text();
  EXPECT_TRUE(pair->both_direct()) << trace.text();
}

TEST_F(MeshPairDisturbed, GoesOnWhenARouterForgetsEverything) {
  pair->a.site.home->reboot();
  EXPECT_LT(silence_for(20s), 1s) << trace.text();
  EXPECT_TRUE(pair->both_direct()) << trace.text();
}

TEST_F(MeshPairDisturbed, GoesOnWhenTheMachineChangesItsAddress) {
  pair->a.machine->set_addresses(1, pair->a.site.home->lease());
  EXPECT_LT(silence_for(20s), 1s) << trace.text();
  EXPECT_TRUE(pair->both_direct()) << trace.text();
}

TEST_F(MeshPairDisturbed, GoesOnWhenTheMachineMovesToAnotherNetwork) {
  pair->a.site = make_site(pair->internet, site("easy"), "cafe", 9);
  pair->a.machine->move(1, *pair->a.site.home, pair->a.site.home->lease());
  EXPECT_LT(silence_for(20s), 1s) << trace.text();
  EXPECT_TRUE(pair->both_direct()) << trace.text();
}

TEST_F(MeshPairDisturbed, DoesNotNoticeThatTheRelayRestarts) {
  pair->restart_relay();
  EXPECT_LT(silence_for(20s), 100ms) << trace.text();
}

TEST(MeshPair, IsBackSoonAfterTheRelayRestarts) {
  Trace trace;
  MeshPair pair(1, site("hard"), site("hard"), &trace);
  pair.talk(10s, kOften);
  pair.restart_relay();
  const TimePoint from = pair.time.now();
  pair.talk(10s, kOften);
  EXPECT_LT(pair.silence(pair.a, from), 1s) << trace.text();
  EXPECT_LT(pair.silence(pair.b, from), 1s) << trace.text();
}

TEST_F(MeshPairDisturbed, HearsTheOtherSoonAfterARestartWhenOnlyTheOtherTalks) {
  pair->restart(pair->b);
  EXPECT_LT(time_to_hear_a(), 1s) << trace.text();
}

TEST_F(MeshPairDisturbed, HearsTheOtherSoonAfterAStartWithAnotherDiscoKey) {
  pair->restart_anew(pair->b);
  EXPECT_LT(time_to_hear_a(), 1s) << trace.text();  // before a was told
  pair->introduce(pair->a);
  EXPECT_LT(time_to_hear_a(), 200ms) << trace.text();
  EXPECT_LT(silence_for(20s), 200ms) << trace.text();
  EXPECT_TRUE(pair->both_direct()) << trace.text();
}

TEST_F(MeshPairDisturbed, HearsTheOtherSoonAfterAStartWithAClockThatWasSetBack) {
  pair->restart_anew(pair->b);
  pair->b.node->wall_clock().step(-1h);
  EXPECT_GT(silence_for(2s), 1900ms);  // a believes no initiation of b's
  pair->introduce(pair->a);
  EXPECT_LT(time_to_hear_a(), 1s) << trace.text();
}

TEST_F(MeshPairDisturbed, HardlyNoticesThatTheNewsOfARestartIsOld) {
  pair->restart_anew(pair->b);
  silence_for(10s);
  pair->introduce(pair->a);
  EXPECT_LT(silence_for(20s), 200ms) << trace.text();
  EXPECT_TRUE(pair->both_direct()) << trace.text();
}

TEST_F(MeshPairDisturbed, SurvivesTheLossOfBothWaysForTenMinutes) {
  pair->a.site.outer()->set_uplink_up(false);
  pair->talk(600s);
  pair->a.site.outer()->set_uplink_up(true);
  EXPECT_LT(silence_for(30s), 11s) << trace.text();
  EXPECT_TRUE(pair->time_to_direct(10s)) << trace.text();
}

TEST_F(MeshPairDisturbed, SendsNothingToEachOtherWhenNobodyTalks) {
  pair->time.run_for(60s);
  std::size_t probes = 0;
  pair->internet.set_tap([&](const Transit& packet) {
    if (packet.flow.protocol == lab::Protocol::Udp) ++probes;
  });
  pair->time.run_for(1h);
  EXPECT_EQ(probes, 0);
}

}  // namespace
}  // namespace warren::sim
