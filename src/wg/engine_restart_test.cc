#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wg/testing.h"

// A peer that was killed and started again has lost its keys (spec: paths section 1.10).
namespace warren::wg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EngineRestart : public testing::Test {
 protected:
  Actions restarted() {
    Actions out;
    pair.a.engine.on_peer_restarted(pair.b_at_a, pair.now, out);
    return out;
  }

  Actions unknown_index() {
    Actions out;
    pair.a.engine.on_unknown_index(pair.b_at_a, pair.now, out);
    return out;
  }

  EnginePair pair{PathMode::Managed};
};

TEST_F(EngineRestart, ErasesTheSessionAndShakesHandsAtOnceWherePacketsMove) {
  pair.handshake();
  pair.now += 1s;
  pair.sent(pair.a, PacketKind::Data);
  const auto out = restarted();
  EXPECT_THAT(describe(out), ElementsAre("initiation"));
  EXPECT_EQ(pair.data(pair.a).current.load(), nullptr);
  EXPECT_EQ(pair.a.engine.index_table().size(), 0);
  const auto response = messages(pair.deliver(pair.b, messages(out).at(0))).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.a, response)),
              ElementsAre("completed", "flush or keepalive"));
}

TEST_F(EngineRestart, ShakesHandsAtOnceAlsoWhereOnlyThePeerTalks) {
  pair.handshake();
  pair.now += 1s;
  pair.received(pair.a, PacketKind::Data);
  EXPECT_THAT(describe(restarted()), ElementsAre("initiation"));
}

TEST_F(EngineRestart, WaitsForAPacketWhereNoneMoved) {
  pair.handshake();
  pair.sent(pair.a, PacketKind::Data);
  pair.received(pair.a, PacketKind::Keepalive);
  pair.now += 15s;
  EXPECT_THAT(restarted(), IsEmpty());
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
  EXPECT_THAT(describe(pair.want_send(pair.a)), ElementsAre("initiation"));
}

TEST_F(EngineRestart, BeginsAnewWithAnInitiationThatThePeerMissed) {
  const auto missed = messages(pair.want_send(pair.a)).at(0);
  pair.now += 20ms;
  const auto out = restarted();  // the spacing of five seconds was the old process's
  ASSERT_THAT(describe(out), ElementsAre("initiation"));
  EXPECT_NE(messages(out).at(0).message, missed.message);
  const auto late = messages(pair.deliver(pair.b, missed)).at(0);
  EXPECT_THAT(pair.deliver(pair.a, late), IsEmpty());
  EXPECT_EQ(pair.a.engine.counters().unknown_index, 1);
}

TEST_F(EngineRestart, HearsAPeerWhoseClockWasSetBack) {
  pair.deliver(pair.a, messages(pair.want_send(pair.b)).at(0));
  TestNode reborn(2, pair.b.endpoint, PathMode::Managed);
  reborn.wall_clock.time.seconds -= 3600;
  const PeerId a_at_reborn = reborn.engine.add_peer(pair.a.engine.public_key()).value();
  const auto initiation = [&] {
    Actions out;
    reborn.engine.on_send_wanted(a_at_reborn, pair.now, out);
    return messages(out).at(0);
  };
  pair.now += 1s;
  EXPECT_THAT(pair.deliver(pair.a, initiation()), IsEmpty());
  EXPECT_EQ(pair.a.engine.counters().replayed_initiation, 1);
  restarted();
  pair.now += 5s;
  EXPECT_THAT(describe(pair.deliver(pair.a, initiation())), ElementsAre("response"));
}

TEST_F(EngineRestart, IsOfNoInterestOfAPeerThatWasRemoved) {
  Actions out;
  pair.a.engine.remove_peer(pair.b_at_a, pair.now, out);
  EXPECT_THAT(restarted(), IsEmpty());
  EXPECT_THAT(unknown_index(), IsEmpty());
}

TEST_F(EngineRestart, ShakesHandsWithWhoeverUsesALostKey) {
  const auto out = unknown_index();
  ASSERT_THAT(describe(out), ElementsAre("initiation"));
  const auto response = messages(pair.deliver(pair.b, messages(out).at(0))).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.a, response)),
              ElementsAre("completed", "flush or keepalive"));
  EXPECT_THAT(unknown_index(), IsEmpty());  // there is a key
}

TEST_F(EngineRestart, AsksWhoeverUsesALostKeyOnceInFiveSecondsAndNotByItself) {
  EXPECT_THAT(describe(unknown_index()), ElementsAre("initiation"));
  pair.now += 5s - 1ns;
  EXPECT_THAT(unknown_index(), IsEmpty());
  EXPECT_THAT(pair.run_for(pair.a, 120s), IsEmpty());
  EXPECT_THAT(describe(unknown_index()), ElementsAre("initiation"));
}

TEST_F(EngineRestart, LeavesAnAttemptUnderWayAlone) {
  pair.want_send(pair.a);
  pair.now += 5s - 1ns;
  EXPECT_THAT(unknown_index(), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("initiation"));
}

}  // namespace
}  // namespace warren::wg
