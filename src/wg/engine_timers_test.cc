#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wg/testing.h"

// The rules of spec: paths section 1.7, one test each. Jitter is zero unless a test sets it.
namespace warren::wg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EngineTimers, SpacesInitiationsByFiveSeconds) {
  EnginePair pair;
  EXPECT_THAT(describe(pair.want_send(pair.a)), ElementsAre("initiation"));
  pair.now += 5s - 1ns;
  EXPECT_THAT(pair.want_send(pair.a), IsEmpty());
  pair.now += 1ns;
  EXPECT_THAT(describe(pair.want_send(pair.a)), ElementsAre("initiation"));
}

TEST(EngineTimers, RetransmitsAfterFiveSecondsAndJitter) {
  EnginePair pair;
  pair.a.random.jitter_ms = 333;
  pair.want_send(pair.a);
  EXPECT_EQ(pair.a.engine.next_timeout(), pair.now + 5333ms);
  EXPECT_THAT(pair.run_for(pair.a, 5333ms - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("initiation"));
}

TEST(EngineTimers, GivesUpAfterTwentyInitiationsAndWipesKeysLater) {
  EnginePair pair;
  std::vector<std::string> expected(20, "initiation");
  auto seen = describe(pair.want_send(pair.a));
  const auto later = describe(pair.run_for(pair.a, 100s));
  seen.insert(seen.end(), later.begin(), later.end());
  expected.insert(expected.end(), {"given up", "drop staged"});
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(pair.a.engine.next_timeout(), pair.now + 540s);
  EXPECT_THAT(describe(pair.run_for(pair.a, 540s)), ElementsAre("drop staged"));
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
}

TEST(EngineTimers, CountsAttemptsAfreshWhenThereIsANewPacketToSend) {
  EnginePair pair;
  pair.want_send(pair.a);
  EXPECT_EQ(pair.run_for(pair.a, 90s).size(), 18);
  EXPECT_THAT(pair.want_send(pair.a), IsEmpty());  // too soon, but it counts
  EXPECT_EQ(pair.run_for(pair.a, 97s).size(), 19);
  EXPECT_THAT(describe(pair.run_for(pair.a, 3s)), ElementsAre("given up", "drop staged"));
}

TEST(EngineTimers, StopsRetransmittingWhenTheResponseCame) {
  EnginePair pair;
  pair.handshake();
  EXPECT_THAT(pair.run_for(pair.a, 100s), IsEmpty());
}

TEST(EngineTimers, DelaysAnInitiationThatFollowsAResponse) {
  EnginePair pair;
  pair.deliver(pair.a, messages(pair.want_send(pair.b)).at(0));  // the response is lost
  pair.now += 2s;
  EXPECT_THAT(pair.want_send(pair.a), IsEmpty());
  EXPECT_THAT(pair.run_for(pair.a, 3s - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("initiation"));
}

TEST(EngineTimers, MakesANewHandshakeWhenDataGoesUnanswered) {
  EnginePair pair;
  pair.a.random.jitter_ms = 200;
  pair.handshake();
  pair.now += 1s;
  pair.sent(pair.a, PacketKind::Data);
  const TimePoint first = pair.now;
  pair.now += 3s;
  pair.sent(pair.a, PacketKind::Data);  // does not move the timer
  EXPECT_THAT(pair.run_until(pair.a, first + 15200ms - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("initiation"));
}

TEST(EngineTimers, IsContentWithAnyAuthenticatedAnswer) {
  EnginePair pair;
  pair.handshake();
  pair.now += 1s;
  pair.sent(pair.a, PacketKind::Data);
  pair.now += 10s;
  pair.received(pair.a, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.a, 100s), IsEmpty());
}

TEST(EngineTimers, TakesAReceivedPacketBeforeOneSentAtTheSameTime) {
  EnginePair pair;
  pair.handshake();
  pair.now += 1s;
  note_sent(pair.data(pair.a), PacketKind::Data, 32, pair.now);
  note_received(pair.data(pair.a), PacketKind::Data, 32, pair.now);
  Actions out;
  pair.a.engine.on_activity(pair.b_at_a, pair.now, out);
  // So no keepalive is owed, and an answer is awaited.
  EXPECT_EQ(pair.a.engine.next_timeout(), pair.now + 15s);
}

TEST(EngineTimers, ExpectsNoAnswerToKeepalives) {
  EnginePair pair;
  pair.handshake();
  pair.now += 1s;
  pair.sent(pair.a, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.a, 100s), IsEmpty());
}

TEST(EngineTimers, SendsAKeepaliveTenSecondsAfterDataCame) {
  EnginePair pair;
  pair.handshake();
  pair.now += 1s;
  pair.received(pair.b, PacketKind::Data);
  EXPECT_THAT(pair.run_for(pair.b, 10s - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.b, 1ns)), ElementsAre("keepalive"));
  pair.sent(pair.b, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.b, 100s), IsEmpty());
}

TEST(EngineTimers, SendsAnotherKeepaliveForWhatCameMeanwhile) {
  EnginePair pair;
  pair.handshake();
  pair.received(pair.b, PacketKind::Data);
  pair.now += 4s;
  pair.received(pair.b, PacketKind::Data);
  EXPECT_THAT(describe(pair.run_for(pair.b, 6s)), ElementsAre("keepalive"));
  pair.sent(pair.b, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.b, 10s - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.b, 1ns)), ElementsAre("keepalive"));
  pair.sent(pair.b, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.b, 100s), IsEmpty());
}

TEST(EngineTimers, OwesNoKeepaliveWhenSomethingWasSent) {
  EnginePair pair;
  pair.handshake();
  pair.received(pair.b, PacketKind::Data);
  pair.now += 2s;
  pair.sent(pair.b, PacketKind::Data);
  pair.received(pair.b, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.b, 100s), IsEmpty());
}

TEST(EngineTimers, OwesNoKeepaliveForKeepalives) {
  EnginePair pair;
  pair.handshake();
  pair.received(pair.b, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.b, 100s), IsEmpty());
}

TEST(EngineTimers, AsksForAHandshakeWhenAKeepaliveHasNoKey) {
  EnginePair pair;
  pair.handshake();
  pair.now += 175s;
  pair.received(pair.a, PacketKind::Data);
  EXPECT_THAT(describe(pair.run_for(pair.a, 10s)), ElementsAre("initiation"));
}

TEST(EngineTimers, WipesKeysAfter540Seconds) {
  EnginePair pair;
  pair.handshake();
  pair.a.engine.take_retired();
  EXPECT_THAT(pair.run_for(pair.a, 540s - 1ns), IsEmpty());
  EXPECT_EQ(pair.a.engine.index_table().size(), 1);
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("drop staged"));
  EXPECT_EQ(pair.a.engine.index_table().size(), 0);
  EXPECT_EQ(pair.data(pair.a).current.load(), nullptr);
  EXPECT_EQ(pair.a.engine.take_retired().size(), 1);
}

TEST(EngineTimers, WipesAnUnconfirmedKeypairToo) {
  EnginePair pair;
  pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0));
  EXPECT_THAT(describe(pair.run_for(pair.b, 540s)), ElementsAre("drop staged"));
  EXPECT_EQ(pair.data(pair.b).next.load(), nullptr);
}

TEST(EngineTimers, CountsTheWipeFromTheLastSession) {
  EnginePair pair;
  pair.handshake();
  pair.now += 500s;
  pair.handshake();
  EXPECT_THAT(pair.run_for(pair.a, 540s - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("drop staged"));
}

TEST(EngineTimers, InitiatesWhenTheDataPathWantsANewKey) {
  EnginePair pair;
  pair.handshake();
  pair.now += 121s;
  Actions out;
  pair.a.engine.on_rekey_wanted(pair.b_at_a, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("initiation"));
}

TEST(EngineTimers, FlushesWhenAKeyCameBeforeTheWish) {
  EnginePair pair;
  pair.handshake();
  EXPECT_THAT(describe(pair.want_send(pair.a)), ElementsAre("flush"));
}

TEST(EngineTimers, GoesOnWithoutAnEndpointAndSendsOnceItHasOne) {
  EnginePair pair;
  const PeerId peer = pair.a.engine.add_peer(node_key(9).public_key()).value();
  Actions out;
  pair.a.engine.on_send_wanted(peer, pair.now, out);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_THAT(pair.run_for(pair.a, 12s), IsEmpty());
  pair.a.engine.set_endpoint(peer, pair.b.endpoint);
  EXPECT_THAT(describe(pair.run_for(pair.a, 3s)), ElementsAre("initiation"));
  EXPECT_EQ(describe(pair.run_for(pair.a, 200s)).back(), "drop staged");
}

TEST(EngineTimers, SendsPersistentKeepalivesAtOnceAndWhenNothingElseMoves) {
  EnginePair pair;
  pair.handshake();
  Actions out;
  pair.a.engine.set_persistent_keepalive(pair.b_at_a, 25s, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("keepalive"));
  pair.sent(pair.a, PacketKind::Keepalive);
  EXPECT_THAT(describe(pair.run_for(pair.a, 25s)), ElementsAre("keepalive"));
  pair.sent(pair.a, PacketKind::Keepalive);
  pair.now += 20s;
  pair.received(pair.a, PacketKind::Keepalive);
  EXPECT_THAT(pair.run_for(pair.a, 25s - 1ns), IsEmpty());
  EXPECT_THAT(describe(pair.run_for(pair.a, 1ns)), ElementsAre("keepalive"));
  pair.a.engine.set_persistent_keepalive(pair.b_at_a, 0s, pair.now, out);
  EXPECT_THAT(pair.run_for(pair.a, 100s), IsEmpty());
}

TEST(EngineTimers, KeepsASilentPeerUnderPersistentAttempts) {
  EnginePair pair;
  Actions out;
  pair.a.engine.set_persistent_keepalive(pair.b_at_a, 25s, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("initiation"));
  const auto seen = describe(pair.run_for(pair.a, 130s));
  EXPECT_EQ(std::ranges::count(seen, "given up"), 1);
  EXPECT_EQ(seen.back(), "initiation");  // the keepalive began again
}

TEST(EngineTimers, ArmsNothingForAnIdlePeerAndToleratesEarlyWakeups) {
  EnginePair pair;
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
  pair.want_send(pair.a);
  Actions out;
  for (int i = 0; i < 10; ++i) pair.a.engine.on_timeout(pair.now, out);
  EXPECT_THAT(out, IsEmpty());
}

TEST(EngineTimers, ReadsTheStampsAgainBeforeItActs) {
  EnginePair pair;
  pair.handshake();
  pair.now += 1s;
  pair.sent(pair.a, PacketKind::Data);
  pair.now += 5s;
  note_received(pair.data(pair.a), PacketKind::Keepalive, 32, pair.now);  // not yet told
  EXPECT_THAT(pair.run_for(pair.a, 100s), IsEmpty());
}

}  // namespace
}  // namespace warren::wg
