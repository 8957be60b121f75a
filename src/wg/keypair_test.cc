#include "wg/keypair.h"

#include <gtest/gtest.h>

namespace warren::wg {
namespace {

Keypair make_keypair(bool is_initiator) {
  return Keypair({.is_initiator = is_initiator, .created = TimePoint()}, SymmetricKey(),
                 SymmetricKey());
}

TEST(Keypair, SendsAndReceivesForLessThan180Seconds) {
  const Keypair keypair = make_keypair(true);
  EXPECT_TRUE(keypair.may_send(TimePoint(180s - 1ns)));
  EXPECT_FALSE(keypair.may_send(TimePoint(180s)));
  EXPECT_TRUE(keypair.may_receive(TimePoint(180s - 1ns)));
  EXPECT_FALSE(keypair.may_receive(TimePoint(180s)));
}

TEST(Keypair, GivesConsecutiveCounters) {
  Keypair keypair = make_keypair(true);
  EXPECT_EQ(keypair.reserve(3), 0);
  EXPECT_EQ(keypair.reserve(1), 3);
  EXPECT_EQ(keypair.reserve(1), 4);
}

TEST(Keypair, NeverGivesACounterBeyondTheLimit) {
  Keypair keypair = make_keypair(true);
  ASSERT_EQ(keypair.reserve(kRejectAfterMessages - 2), 0);
  EXPECT_EQ(keypair.reserve(3), std::nullopt);
  EXPECT_FALSE(keypair.may_send(TimePoint()));
  EXPECT_EQ(keypair.reserve(1), std::nullopt);
}

TEST(Keypair, WantsANewKeyAfterTooManyMessagesOnEitherSide) {
  for (const bool is_initiator : {true, false}) {
    Keypair keypair = make_keypair(is_initiator);
    keypair.reserve(kRekeyAfterMessages);
    EXPECT_FALSE(keypair.wants_rekey_after_send(TimePoint()));
    keypair.reserve(1);
    EXPECT_TRUE(keypair.wants_rekey_after_send(TimePoint()));
  }
}

TEST(Keypair, WantsANewKeyByAgeOnTheInitiatorOnly) {
  const Keypair ours = make_keypair(true);
  EXPECT_FALSE(ours.wants_rekey_after_send(TimePoint(120s)));
  EXPECT_TRUE(ours.wants_rekey_after_send(TimePoint(120s + 1ns)));
  EXPECT_FALSE(ours.wants_rekey_after_receive(TimePoint(165s)));
  EXPECT_TRUE(ours.wants_rekey_after_receive(TimePoint(165s + 1ns)));
  const Keypair theirs = make_keypair(false);
  EXPECT_FALSE(theirs.wants_rekey_after_send(TimePoint(179s)));
  EXPECT_FALSE(theirs.wants_rekey_after_receive(TimePoint(179s)));
}

TEST(Keypair, IsClaimedOnce) {
  Keypair keypair = make_keypair(true);
  EXPECT_TRUE(keypair.claim_confirmation());
  EXPECT_FALSE(keypair.claim_confirmation());
  EXPECT_TRUE(keypair.claim_rekey());
  EXPECT_FALSE(keypair.claim_rekey());
}

}  // namespace
}  // namespace warren::wg
