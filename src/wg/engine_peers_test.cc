#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wg/testing.h"

// Configuration while sessions live, roaming, and what is retired.
namespace warren::wg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

UdpPath path_to(std::string_view endpoint) {
  return {.remote = *Endpoint::parse(endpoint), .source = std::nullopt};
}

TEST(EnginePeers, AddsAKeyOnceAndFindsIt) {
  EnginePair pair;
  const auto again = pair.a.engine.add_peer(pair.b.engine.public_key());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::AlreadyExists);
  EXPECT_EQ(pair.a.engine.find_peer(pair.b.engine.public_key()), pair.b_at_a);
  EXPECT_EQ(pair.a.engine.find_peer(pair.a.engine.public_key()), std::nullopt);
  const PeerId third = pair.a.engine.add_peer(node_key(9).public_key()).value();
  EXPECT_THAT(pair.a.engine.peers(), ElementsAre(pair.b_at_a, third));
}

TEST(EnginePeers, RemovesEverythingOfAPeer) {
  EnginePair pair;
  pair.a.engine.add_allowed_ip(pair.b_at_a, *IpPrefix::parse("10.0.0.2/32"));
  pair.handshake();
  pair.want_send(pair.a);
  pair.a.engine.take_retired();
  Actions out;
  pair.a.engine.remove_peer(pair.b_at_a, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("drop staged"));
  EXPECT_THAT(pair.a.engine.peers(), IsEmpty());
  EXPECT_EQ(pair.a.engine.index_table().size(), 0);
  EXPECT_EQ(pair.a.engine.allowed_ips()->find(*IpAddress::parse("10.0.0.2")), nullptr);
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
  EXPECT_EQ(pair.a.engine.take_retired().size(), 3);  // the keypair, the path, the peer
  pair.a.engine.remove_peer(pair.b_at_a, pair.now, out);
  EXPECT_EQ(out.size(), 1);
}

TEST(EnginePeers, ToleratesLateEventsOfARemovedPeer) {
  EnginePair pair;
  Actions out;
  pair.a.engine.remove_peer(pair.b_at_a, pair.now, out);
  out.clear();
  pair.a.engine.on_confirmed(pair.b_at_a, 1, pair.now, out);
  pair.a.engine.on_rekey_wanted(pair.b_at_a, pair.now, out);
  pair.a.engine.on_activity(pair.b_at_a, pair.now, out);
  pair.a.engine.on_roamed(pair.b_at_a, path_to("192.0.2.9:1"));
  EXPECT_THAT(out, IsEmpty());
  pair.a.engine.on_send_wanted(pair.b_at_a, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("drop staged"));
}

TEST(EnginePeers, IsHeardWhenRemovedMidHandshakeAndAddedAgain) {
  EnginePair pair;
  const auto response = messages(pair.deliver(pair.b, messages(pair.want_send(pair.a)).at(0)));
  Actions out;
  pair.a.engine.remove_peer(pair.b_at_a, pair.now, out);
  EXPECT_THAT(pair.deliver(pair.a, response.at(0)), IsEmpty());
  EXPECT_EQ(pair.a.engine.counters().unknown_index, 1);

  const PeerId old_id = pair.b_at_a;
  pair.b_at_a = pair.a.engine.add_peer(pair.b.engine.public_key()).value();
  EXPECT_NE(pair.b_at_a, old_id);
  pair.a.engine.set_endpoint(pair.b_at_a, pair.b.endpoint);
  pair.now += 21ms;  // the wall clock stands still: only the engine makes the stamp newer
  pair.handshake();
  EXPECT_NE(sending_keypair(pair.data(pair.a), pair.now), nullptr);
}

TEST(EnginePeers, MovesAPrefixToThePeerThatGetsItLast) {
  EnginePair pair;
  const PeerId other = pair.a.engine.add_peer(node_key(9).public_key()).value();
  const IpPrefix prefix = *IpPrefix::parse("10.0.0.0/24");
  const IpAddress address = *IpAddress::parse("10.0.0.7");
  pair.a.engine.add_allowed_ip(pair.b_at_a, prefix);
  EXPECT_EQ(pair.a.engine.allowed_ips()->find(address), &pair.data(pair.a));
  pair.a.engine.add_allowed_ip(other, prefix);
  EXPECT_EQ(pair.a.engine.allowed_ips()->find(address), &pair.a.engine.data_peer(other));
  EXPECT_THAT(pair.a.engine.status(pair.b_at_a).allowed_ips, IsEmpty());
  pair.a.engine.remove_allowed_ip(pair.b_at_a, prefix);  // not its own any more
  EXPECT_THAT(pair.a.engine.status(other).allowed_ips, ElementsAre(prefix));
  pair.a.engine.clear_allowed_ips(other);
  EXPECT_EQ(pair.a.engine.allowed_ips()->find(address), nullptr);
}

TEST(EnginePeers, KeepsEverythingWhenTheSamePrivateKeyIsSet) {
  EnginePair pair;
  pair.handshake();
  Actions out;
  pair.a.engine.set_private_key(node_key(1), pair.now, out);
  EXPECT_NE(sending_keypair(pair.data(pair.a), pair.now), nullptr);
}

TEST(EnginePeers, StartsAfreshUnderAnotherPrivateKey) {
  EnginePair pair;
  pair.handshake();
  Actions out;
  pair.a.engine.set_private_key(node_key(9), pair.now, out);
  EXPECT_EQ(pair.data(pair.a).current.load(), nullptr);
  EXPECT_EQ(pair.a.engine.index_table().size(), 0);
  EXPECT_EQ(pair.a.engine.next_timeout(), kNever);
  pair.b.engine.remove_peer(pair.a_at_b, pair.now, out);
  pair.a_at_b = pair.b.engine.add_peer(pair.a.engine.public_key()).value();
  pair.now += 5s;
  pair.handshake();
  EXPECT_NE(sending_keypair(pair.data(pair.a), pair.now), nullptr);
}

TEST(EnginePeers, DropsWhatWaitsForAHandshakeUnderTheOldKey) {
  EnginePair pair;
  pair.want_send(pair.a);
  Actions out;
  pair.a.engine.set_private_key(node_key(9), pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("drop staged"));
}

TEST(EnginePeers, IsSilentWithoutAPrivateKeyAndTowardsItself) {
  EnginePair pair;
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  Actions out;
  pair.b.engine.set_private_key(NodePrivateKey(), pair.now, out);
  EXPECT_THAT(pair.deliver(pair.b, initiation), IsEmpty());
  EXPECT_THAT(describe(pair.want_send(pair.b)), ElementsAre("drop staged"));

  const PeerId self = pair.a.engine.add_peer(pair.a.engine.public_key()).value();
  pair.a.engine.set_endpoint(self, pair.a.endpoint);
  pair.a.engine.on_send_wanted(self, pair.now, out);
  pair.a.engine.set_persistent_keepalive(self, 25s, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("drop staged"));
  // Until the key that made it ourselves is replaced.
  pair.a.engine.set_private_key(node_key(9), pair.now, out);
  out.clear();
  pair.a.engine.on_send_wanted(self, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("initiation"));
}

TEST(EnginePeers, IsSilentTowardsALowOrderKey) {
  EnginePair pair;
  const PeerId peer = pair.a.engine.add_peer(NodePublicKey()).value();
  pair.a.engine.set_endpoint(peer, pair.b.endpoint);
  Actions out;
  pair.a.engine.on_send_wanted(peer, pair.now, out);
  EXPECT_THAT(describe(out), ElementsAre("drop staged"));
}

TEST(EnginePeers, PublishesAPathOnlyWhenItChanges) {
  EnginePair pair;
  pair.a.engine.take_retired();
  const PublishedPath* const path = pair.data(pair.a).path.load();
  pair.a.engine.set_endpoint(pair.b_at_a, pair.b.endpoint);
  pair.a.engine.on_roamed(pair.b_at_a, *path->path.direct);
  EXPECT_EQ(pair.data(pair.a).path.load(), path);
  EXPECT_THAT(pair.a.engine.take_retired(), IsEmpty());

  pair.a.engine.on_roamed(pair.b_at_a, path_to("198.51.100.1:7"));
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).endpoint, Endpoint::parse("198.51.100.1:7"));
  EXPECT_EQ(pair.a.engine.take_retired().size(), 1);
}

TEST(EnginePeers, FollowsAnAuthenticHandshakeMessageAndAnswersFromWhereItCameIn) {
  EnginePair pair;
  UdpPath from = path_to("198.51.100.1:7");
  from.source = LocalAddress{.address = IpAddress::v4({10, 0, 0, 1}), .interface = 3};
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  const auto response = messages(pair.deliver_from(pair.b, initiation, from)).at(0);
  EXPECT_EQ(response.to, from);
  EXPECT_EQ(pair.data(pair.b).path.load()->path.direct, from);

  const UdpPath elsewhere = path_to("198.51.100.2:8");
  pair.deliver_from(pair.b, initiation, elsewhere);  // a replay moves nothing
  EXPECT_EQ(pair.data(pair.b).path.load()->path.direct, from);
  pair.deliver_from(pair.a, response, elsewhere);
  EXPECT_EQ(pair.data(pair.a).path.load()->path.direct, elsewhere);
}

TEST(EnginePeers, ForgetsTheSourceAddressWhenNothingIsHeard) {
  EnginePair pair;
  UdpPath from = path_to("198.51.100.1:7");
  from.source = LocalAddress{.address = IpAddress::v4({10, 0, 0, 1}), .interface = 3};
  pair.a.engine.on_roamed(pair.b_at_a, from);
  EXPECT_EQ(messages(pair.want_send(pair.a)).at(0).to, from);
  EXPECT_EQ(messages(pair.run_for(pair.a, 5s)).at(0).to, path_to("198.51.100.1:7"));
}

TEST(EnginePeers, CountsBytesOfTheDataPath) {
  EnginePair pair;
  pair.handshake();
  note_sent(pair.data(pair.a), PacketKind::Data, 1000, pair.now);
  note_received(pair.data(pair.a), PacketKind::Data, 500, pair.now);
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).bytes_sent, 1032);
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).bytes_received, 500);
}

TEST(EnginePeers, HoldsManyPeersWithTimers) {
  ScriptedRandom random(1);
  const ManualWallClock wall_clock;
  Engine engine(random, wall_clock);
  Actions out;
  engine.set_private_key(node_key(1), TimePoint(), out);
  std::size_t initiations = 0;
  for (std::uint32_t i = 0; i < 500; ++i) {
    std::array<std::uint8_t, kKeySize> bytes{};
    random.fill(bytes);
    const PeerId peer = engine.add_peer(NodePublicKey(bytes)).value();
    engine.set_endpoint(peer, *Endpoint::parse("192.0.2.1:1"));
    random.jitter_ms = i % 334;
    engine.on_send_wanted(peer, TimePoint(), out);
  }
  while (engine.next_timeout() < TimePoint(6s)) engine.on_timeout(engine.next_timeout(), out);
  for (const Action& action : out) initiations += describe(action) == "initiation" ? 1 : 0;
  EXPECT_EQ(initiations, 1000);
}

}  // namespace
}  // namespace warren::wg
