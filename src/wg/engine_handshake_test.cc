#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "wg/testing.h"

namespace warren::wg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::uint8_t> repeat(std::uint8_t byte, std::size_t count) {
  return std::vector<std::uint8_t>(count, byte);
}

// spec: paths appendix A, made by the engines as a whole.
TEST(EngineHandshake, SpeaksTheGoldenMessages) {
  EnginePair pair;
  for (TestNode* const node : {&pair.a, &pair.b})
    node->wall_clock.time = {.seconds = 0x6b015a91 - 10, .nanoseconds = 0x14000000};
  pair.a.random.prescribe(repeat(0x11, 4));
  pair.a.random.prescribe(repeat(3, 32));
  pair.b.random.prescribe(repeat(0x22, 4));
  pair.b.random.prescribe(repeat(4, 32));
  const auto initiation = messages(pair.want_send(pair.a));
  ASSERT_EQ(initiation.size(), 1);
  EXPECT_EQ(
      to_hex(initiation[0].message.view()),
      "01000000111111115dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599fb218"
      "8bb723276fc173af67616c817fc32fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d817fb46b3"
      "a7c9c078a9273ed6211c72e4b4a3810aecb4f98f45078897b5b5412e1527045c84aaf230b526f3c7000000000000"
      "00000000000000000000");
  const auto response = messages(pair.deliver(pair.b, initiation[0]));
  ASSERT_EQ(response.size(), 1);
  EXPECT_EQ(
      to_hex(response[0].message.view()),
      "020000002222222211111111ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b49c3"
      "0eb926eb290e970d6120d032398acae3cacb1de438772b6a70675324adfc0000000000000000000000000000000"
      "0");
  pair.deliver(pair.a, response[0]);
  const Keypair* const at_a = pair.data(pair.a).current.load();
  const Keypair* const at_b = pair.data(pair.b).next.load();
  ASSERT_NE(at_a, nullptr);
  ASSERT_NE(at_b, nullptr);
  EXPECT_EQ(at_a->remote_index(), 0x22222222);
  EXPECT_EQ(to_hex(at_a->send_key().bytes()),
            "b30c71d520eb54edcf0ad32b6c2e5bdff747e6e2bf8a126ae52eb1c7140b4398");
  EXPECT_EQ(to_hex(at_a->receive_key().bytes()),
            "bc8d9cb5d3c1654d26eef4fab1426ff05fff238c2ddac280941197772e21c21c");
  EXPECT_EQ(to_hex(at_b->send_key().bytes()), to_hex(at_a->receive_key().bytes()));
  EXPECT_EQ(to_hex(at_b->receive_key().bytes()), to_hex(at_a->send_key().bytes()));
}

TEST(EngineHandshake, CompletesOnTheInitiatorAndIsConfirmedOnTheResponder) {
  EnginePair pair;
  const auto initiation = pair.want_send(pair.a);
  EXPECT_THAT(describe(initiation), ElementsAre("initiation"));
  EXPECT_EQ(messages(initiation)[0].to.value().remote, pair.b.endpoint);
  const auto response = pair.deliver(pair.b, messages(initiation)[0]);
  EXPECT_THAT(describe(response), ElementsAre("response"));
  EXPECT_EQ(sending_keypair(pair.data(pair.b), pair.now), nullptr);

  EXPECT_THAT(describe(pair.deliver(pair.a, messages(response)[0])),
              ElementsAre("completed", "flush or keepalive"));
  EXPECT_NE(sending_keypair(pair.data(pair.a), pair.now), nullptr);
  EXPECT_THAT(describe(pair.confirm(pair.b)), ElementsAre("completed", "flush"));
  EXPECT_NE(sending_keypair(pair.data(pair.b), pair.now), nullptr);
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).last_handshake, pair.a.wall_clock.time);
  EXPECT_EQ(pair.b.engine.counters().handshakes_completed, 1);
}

TEST(EngineHandshake, KeepsKeypairsInThreeSlots) {
  EnginePair pair;
  pair.handshake();
  const Keypair* const first = pair.data(pair.a).current.load();
  pair.now += 5s;
  Actions out;
  pair.a.engine.on_rekey_wanted(pair.b_at_a, pair.now, out);
  const auto response = pair.deliver(pair.b, messages(out).at(0));
  EXPECT_EQ(pair.data(pair.b).previous.load(), nullptr);
  EXPECT_NE(pair.data(pair.b).current.load(), nullptr);  // still the one to send under
  EXPECT_NE(pair.data(pair.b).next.load(), nullptr);
  pair.deliver(pair.a, messages(response).at(0));
  EXPECT_EQ(pair.data(pair.a).previous.load(), first);
  EXPECT_EQ(pair.a.engine.index_table().find(first->local_index()), first);
  const Keypair* const old_at_b = pair.data(pair.b).current.load();
  const Keypair* const new_at_b = pair.data(pair.b).next.load();
  pair.confirm(pair.b);
  EXPECT_EQ(pair.data(pair.b).previous.load(), old_at_b);
  EXPECT_EQ(pair.data(pair.b).current.load(), new_at_b);
  EXPECT_EQ(pair.data(pair.b).next.load(), nullptr);
}

TEST(EngineHandshake, PutsAnUnconfirmedKeypairBehindTheOneItInitiated) {
  EnginePair pair;
  const auto initiation = messages(pair.want_send(pair.b));
  pair.deliver(pair.a, initiation.at(0));  // the response is lost
  const Keypair* const unconfirmed = pair.data(pair.a).next.load();
  ASSERT_NE(unconfirmed, nullptr);
  pair.now += 5s;
  const auto response = pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0));
  pair.deliver(pair.a, messages(response).at(0));
  EXPECT_EQ(pair.data(pair.a).previous.load(), unconfirmed);
  EXPECT_EQ(pair.data(pair.a).next.load(), nullptr);
}

TEST(EngineHandshake, IgnoresLateAndRepeatedConfirmation) {
  EnginePair pair;
  pair.handshake();
  const std::uint32_t index = pair.data(pair.b).current.load()->local_index();
  Actions out;
  pair.b.engine.on_confirmed(pair.a_at_b, index, pair.now, out);
  pair.b.engine.on_confirmed(pair.a_at_b, index + 1, pair.now, out);
  pair.b.engine.on_confirmed(PeerId{99}, index, pair.now, out);
  EXPECT_THAT(out, IsEmpty());
}

TEST(EngineHandshake, IgnoresAResponseThatComesTwice) {
  EnginePair pair;
  const auto response = messages(pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0)));
  pair.deliver(pair.a, response.at(0));
  EXPECT_THAT(pair.deliver(pair.a, response.at(0)), IsEmpty());
  EXPECT_EQ(pair.a.engine.counters().unknown_index, 1);
}

TEST(EngineHandshake, RefusesAReplayedInitiation) {
  EnginePair pair;
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  pair.deliver(pair.b, initiation);
  pair.now += 1s;
  EXPECT_THAT(pair.deliver(pair.b, initiation), IsEmpty());
  EXPECT_EQ(pair.b.engine.counters().replayed_initiation, 1);
}

TEST(EngineHandshake, RefusesInitiationsWithin20Milliseconds) {
  EnginePair pair;
  const auto first = messages(pair.want_send(pair.a)).at(0);
  pair.now += 5s;
  pair.a.wall_clock.time.seconds += 5;
  const auto second = messages(pair.run_for(pair.a, 0s)).at(0);
  pair.deliver(pair.b, first);
  pair.now += 20ms;
  EXPECT_THAT(pair.deliver(pair.b, second), IsEmpty());
  EXPECT_EQ(pair.b.engine.counters().initiation_flood, 1);
  pair.now += 1ns;
  EXPECT_THAT(describe(pair.deliver(pair.b, second)), ElementsAre("response"));
}

TEST(EngineHandshake, IsHeardWhenItsClockGoesBackAnHour) {
  EnginePair pair;
  pair.handshake();
  pair.a.wall_clock.time.seconds -= 3600;
  pair.now += 10s;
  Actions out;
  pair.a.engine.on_rekey_wanted(pair.b_at_a, pair.now, out);
  EXPECT_THAT(describe(pair.deliver(pair.b, messages(out).at(0))), ElementsAre("response"));
}

TEST(EngineHandshake, CompletesSimultaneousInitiationsWithoutARetry) {
  EnginePair pair;
  const auto from_a = messages(pair.want_send(pair.a)).at(0);
  const auto from_b = messages(pair.want_send(pair.b)).at(0);
  const auto to_b = messages(pair.deliver(pair.a, from_b)).at(0);
  const auto to_a = messages(pair.deliver(pair.b, from_a)).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.a, to_a)), ElementsAre("completed", "flush or keepalive"));
  EXPECT_THAT(describe(pair.deliver(pair.b, to_b)), ElementsAre("completed", "flush or keepalive"));
  // Each sends under the key of its own handshake, and hears the other's.
  for (const auto* const side : {&pair.a, &pair.b}) {
    const DataPeer& own = pair.data(*side);
    const DataPeer& others = pair.data(side == &pair.a ? pair.b : pair.a);
    ASSERT_NE(others.previous.load(), nullptr);
    EXPECT_EQ(own.current.load()->remote_index(), others.previous.load()->local_index());
  }
  EXPECT_THAT(pair.run_for(pair.a, 9s), IsEmpty());
}

TEST(EngineHandshake, CompletesWithAPeerThatGivesUpItsOwnSimultaneousInitiation) {
  EnginePair pair;
  const auto from_a = messages(pair.want_send(pair.a)).at(0);
  const auto from_b = messages(pair.want_send(pair.b)).at(0);
  pair.deliver(pair.a, from_b);  // the answer is ignored
  const auto to_a = messages(pair.deliver(pair.b, from_a)).at(0);
  EXPECT_THAT(describe(pair.deliver(pair.a, to_a)), ElementsAre("completed", "flush or keepalive"));
  EXPECT_THAT(describe(pair.confirm(pair.b)), ElementsAre("completed", "flush"));
  EXPECT_THAT(pair.run_for(pair.b, 9s), IsEmpty());  // its own attempt has ended
}

TEST(EngineHandshake, AgreesOnlyWithTheSamePresharedKey) {
  EnginePair pair;
  const std::array<std::uint8_t, 32> bytes{1, 2, 3};
  pair.a.engine.set_preshared_key(pair.b_at_a, PresharedKey(bytes));
  const auto refused = pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0));
  EXPECT_THAT(pair.deliver(pair.a, messages(refused).at(0)), IsEmpty());
  EXPECT_EQ(pair.a.engine.counters().not_authentic, 1);

  pair.b.engine.set_preshared_key(pair.a_at_b, PresharedKey(bytes));
  EXPECT_TRUE(pair.b.engine.status(pair.a_at_b).has_preshared_key);
  const auto again = messages(pair.run_for(pair.a, 5s));
  const auto response = pair.deliver(pair.b, again.at(0));
  EXPECT_THAT(describe(pair.deliver(pair.a, messages(response).at(0))),
              ElementsAre("completed", "flush or keepalive"));
}

TEST(EngineHandshake, IgnoresStrangersAndWrongKeys) {
  EnginePair pair;
  Actions out;
  pair.a.engine.set_private_key(node_key(7), pair.now, out);
  EXPECT_THAT(pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0)), IsEmpty());
  EXPECT_EQ(pair.b.engine.counters().unknown_peer, 1);

  pair.b.engine.set_private_key(node_key(8), pair.now, out);
  pair.now += 5s;
  EXPECT_THAT(pair.deliver(pair.b, messages(pair.run_for(pair.a, 0s)).at(0)), IsEmpty());
  EXPECT_EQ(pair.b.engine.counters().bad_mac1, 1);
}

TEST(EngineHandshake, CountsGarbage) {
  EnginePair pair;
  Actions out;
  const UdpPath from{.remote = pair.a.endpoint, .source = std::nullopt};
  SeededRandom random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes datagram = random_bytes(random, size);
    pair.b.engine.on_handshake_message(datagram, from, 0, pair.now, out);
    if (size >= 4) store_le<std::uint32_t>(datagram.data(), size % 5);
    pair.b.engine.on_handshake_message(datagram, from, 0, pair.now, out);
  }
  EXPECT_THAT(out, IsEmpty());
  const EngineCounters& counters = pair.b.engine.counters();
  EXPECT_EQ(counters.malformed + counters.bad_mac1 + counters.unknown_index, 400);
}

}  // namespace
}  // namespace warren::wg
