#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "wg/testing.h"

// Cookies and the rate limit under load (spec: paths section 1.4), in both roles.
namespace warren::wg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kBusy = 128;

// a's initiation meets a busy b; a takes the cookie.
void give_cookie(EnginePair& pair) {
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  const auto reply = pair.deliver(pair.b, initiation, kBusy);
  ASSERT_THAT(describe(reply), ElementsAre("cookie"));
  EXPECT_EQ(messages(reply)[0].to.value().remote, pair.a.endpoint);
  EXPECT_EQ(messages(reply)[0].peer, std::nullopt);
  EXPECT_THAT(pair.deliver(pair.a, messages(reply)[0]), IsEmpty());  // no retransmission at once
}

TEST(EngineLoad, AsksForACookieAndThenAnswers) {
  EnginePair pair;
  give_cookie(pair);
  const auto again = messages(pair.run_for(pair.a, 5s)).at(0);
  EXPECT_NE(to_hex(again.message.view().last(16)), std::string(32, '0'));
  EXPECT_THAT(describe(pair.deliver(pair.b, again, kBusy)), ElementsAre("response"));
  EXPECT_EQ(pair.b.engine.counters().cookie_sent, 1);
}

TEST(EngineLoad, AsksForACookieInAResponseToo) {
  EnginePair pair;
  const auto response =
      messages(pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0))).at(0);
  const auto reply = pair.deliver(pair.a, response, kBusy);
  ASSERT_THAT(describe(reply), ElementsAre("cookie"));
  EXPECT_THAT(pair.deliver(pair.b, messages(reply)[0]), IsEmpty());  // its index is a keypair's now
  EXPECT_EQ(pair.b.engine.counters().unknown_index, 0);
  EXPECT_EQ(pair.b.engine.counters().not_authentic, 0);

  const auto again = messages(pair.run_for(pair.a, 5s)).at(0);
  const auto signed_response = messages(pair.deliver(pair.b, again)).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.a, signed_response, kBusy)),
              ElementsAre("completed", "flush or keepalive"));
}

TEST(EngineLoad, HoldsForASecondAfterTheQueueWasLong) {
  EnginePair pair;
  const auto first = messages(pair.want_send(pair.a)).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.b, first, kBusy)), ElementsAre("cookie"));
  pair.now += 1s;
  EXPECT_THAT(describe(pair.deliver(pair.b, first, 0)), ElementsAre("cookie"));
  pair.now += 1ns;
  EXPECT_THAT(describe(pair.deliver(pair.b, first, 0)), ElementsAre("response"));
}

TEST(EngineLoad, IsNotUnderLoadWithAShorterQueue) {
  EnginePair pair;
  EXPECT_THAT(describe(pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0), kBusy - 1)),
              ElementsAre("response"));
}

TEST(EngineLoad, RefusesACookieFromAnotherSource) {
  EnginePair pair;
  give_cookie(pair);
  const auto again = messages(pair.run_for(pair.a, 5s)).at(0);
  UdpPath elsewhere{.remote = pair.a.endpoint, .source = std::nullopt};
  ++elsewhere.remote.port;
  EXPECT_THAT(describe(pair.deliver_from(pair.b, again, elsewhere, kBusy)), ElementsAre("cookie"));
}

TEST(EngineLoad, RefusesAnExpiredCookieAndGivesANewOne) {
  EnginePair pair;
  give_cookie(pair);
  pair.now += 110s;
  const auto again = messages(pair.run_for(pair.a, 0s)).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.b, again, kBusy)), ElementsAre("response"));
  const auto late = messages(pair.run_for(pair.a, 10s)).at(1);
  EXPECT_EQ(to_hex(late.message.view().last(16)), std::string(32, '0'));
  EXPECT_THAT(describe(pair.deliver(pair.b, late, kBusy)), ElementsAre("cookie"));
}

TEST(EngineLoad, LimitsTheRateOfASourceThatHasACookie) {
  EnginePair pair;
  give_cookie(pair);
  const auto again = messages(pair.run_for(pair.a, 5s)).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.b, again, kBusy)), ElementsAre("response"));
  for (int i = 0; i < 10; ++i) pair.deliver(pair.b, again, kBusy);
  EXPECT_EQ(pair.b.engine.counters().replayed_initiation, 4);
  EXPECT_EQ(pair.b.engine.counters().rate_limited, 6);
}

TEST(EngineLoad, DoesNotLimitWithoutLoad) {
  EnginePair pair;
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  for (int i = 0; i < 100; ++i) pair.deliver(pair.b, initiation);
  EXPECT_EQ(pair.b.engine.counters().rate_limited, 0);
  EXPECT_EQ(pair.b.engine.counters().replayed_initiation, 99);
}

TEST(EngineLoad, IgnoresCookiesNobodyAskedFor) {
  EnginePair pair;
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  const auto reply = messages(pair.deliver(pair.b, initiation, kBusy)).at(0);
  Bytes bent(reply.message.view().begin(), reply.message.view().end());
  bent[40] ^= 1;
  pair.deliver(pair.a, {.peer = std::nullopt, .to = reply.to, .message = MessageBytes(bent)});
  EXPECT_EQ(pair.a.engine.counters().not_authentic, 1);
  bent = Bytes(reply.message.view().begin(), reply.message.view().end());
  bent[4] ^= 1;
  pair.deliver(pair.a, {.peer = std::nullopt, .to = reply.to, .message = MessageBytes(bent)});
  EXPECT_EQ(pair.a.engine.counters().unknown_index, 1);
  pair.deliver(pair.a, reply);
  pair.deliver(pair.a, reply);  // taken already
  EXPECT_EQ(pair.a.engine.counters().not_authentic, 2);
}

}  // namespace
}  // namespace warren::wg
