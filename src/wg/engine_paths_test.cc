#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wg/relayed_source.h"
#include "wg/testing.h"

// Paths that are managed from outside (PathMode::Managed).
namespace warren::wg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr relay::RegionId kRegion{7};

UdpPath path_to(std::string_view endpoint) {
  return {.remote = *Endpoint::parse(endpoint), .source = std::nullopt};
}

// Whose paths are managed, and that has none yet.
class EnginePaths : public testing::Test {
 protected:
  EnginePair pair{PathMode::Managed};
  const UdpPath b_at = path_to("192.0.2.2:51820");  // where EnginePair's messages come from
  const relay::Route b_relayed{.region = kRegion, .peer = pair.b.engine.public_key()};
  const relay::Route a_relayed{.region = kRegion, .peer = pair.a.engine.public_key()};

  const PublishedPath* published() const { return pair.data(pair.a).path.load(); }
};

TEST_F(EnginePaths, ShakesHandsWithoutAPathAndSaysOnlyWithWhom) {
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  EXPECT_EQ(initiation.peer, pair.b_at_a);
  EXPECT_EQ(initiation.to, std::nullopt);
  const auto response = messages(pair.deliver(pair.b, initiation)).at(0);
  EXPECT_EQ(response.peer, pair.a_at_b);
  EXPECT_EQ(response.to, std::nullopt);
  EXPECT_THAT(describe(pair.deliver(pair.a, response)),
              ElementsAre("completed", "flush or keepalive"));
  EXPECT_EQ(published(), nullptr);
}

TEST_F(EnginePaths, RepeatsAnUnansweredInitiation) {
  EXPECT_THAT(describe(pair.want_send(pair.a)), ElementsAre("initiation"));
  EXPECT_THAT(describe(pair.run_for(pair.a, 5s)), ElementsAre("initiation"));
}

TEST_F(EnginePaths, NeverMoveByWhatAPeerSends) {
  const PeerPath path{.direct = path_to("198.51.100.1:7"), .relay = b_relayed};
  pair.a.engine.set_path(pair.b_at_a, path);
  pair.handshake();
  pair.a.engine.on_roamed(pair.b_at_a, b_at);
  ASSERT_NE(published(), nullptr);
  EXPECT_EQ(published()->path, path);
  Actions out;
  pair.b.engine.on_rekey_wanted(pair.a_at_b, pair.now += 5s, out);
  EXPECT_THAT(describe(pair.deliver(pair.a, messages(out).at(0))), ElementsAre("response"));
  EXPECT_EQ(published()->path, path);
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).endpoint, path.direct->remote);
}

TEST_F(EnginePaths, KeepTheirSourceWhenNothingIsHeard) {
  UdpPath direct = b_at;
  direct.source = LocalAddress{.address = *IpAddress::parse("192.0.2.1"), .interface = 2};
  pair.a.engine.set_path(pair.b_at_a, {.direct = direct, .relay = std::nullopt});
  pair.want_send(pair.a);
  pair.run_for(pair.a, 20s);
  EXPECT_EQ(published()->path.direct, direct);
}

TEST_F(EnginePaths, ArePublishedOnceAndRetired) {
  pair.a.engine.take_retired();
  pair.a.engine.set_path(pair.b_at_a, {.direct = std::nullopt, .relay = b_relayed});
  const PublishedPath* const relayed = published();
  EXPECT_EQ(relayed->path.relay, b_relayed);
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).endpoint, std::nullopt);
  pair.a.engine.set_path(pair.b_at_a, {.direct = std::nullopt, .relay = b_relayed});
  EXPECT_EQ(published(), relayed);
  EXPECT_THAT(pair.a.engine.take_retired(), IsEmpty());
  pair.a.engine.set_path(pair.b_at_a, {});
  EXPECT_EQ(published(), nullptr);
  EXPECT_EQ(pair.a.engine.take_retired().size(), 1);
}

TEST_F(EnginePaths, AreProvenByHandshakeMessagesThatComeOverThem) {
  const Activity& activity = pair.data(pair.a).activity;
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  const auto response = messages(pair.deliver(pair.b, initiation)).at(0);
  pair.deliver(pair.a, response);
  EXPECT_EQ(activity.authenticated_received.get(), pair.now);
  EXPECT_EQ(activity.direct_received.get(), Stamp::kNone);

  pair.a.engine.set_path(pair.b_at_a, {.direct = b_at, .relay = std::nullopt});
  pair.sent(pair.a, PacketKind::Keepalive);
  pair.confirm(pair.b);
  pair.now += 121s;
  Actions out;
  pair.b.engine.on_rekey_wanted(pair.a_at_b, pair.now, out);
  pair.deliver(pair.a, messages(out).at(0));
  EXPECT_EQ(activity.direct_received.get(), pair.now);
}

TEST_F(EnginePaths, ACookieGoesBackToWhereTheMessageCameFrom) {
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  const UdpPath from = relayed_source(a_relayed);
  const auto reply = messages(pair.deliver_from(pair.b, initiation, from, 128)).at(0);
  EXPECT_EQ(reply.peer, std::nullopt);
  EXPECT_EQ(reply.to, from);
  pair.deliver_from(pair.a, reply, relayed_source(b_relayed));
  const auto again = messages(pair.run_for(pair.a, 5s)).at(0);
  EXPECT_THAT(describe(pair.deliver_from(pair.b, again, from, 128)), ElementsAre("response"));
}

TEST_F(EnginePaths, RelayedHandshakesAreLimitedForEachPeer) {
  const auto initiation = messages(pair.want_send(pair.a)).at(0);
  for (int i = 0; i < 20; ++i) pair.deliver_from(pair.b, initiation, relayed_source(a_relayed));
  EXPECT_EQ(pair.b.engine.counters().rate_limited, 15);
  EXPECT_THAT(pair.deliver_from(pair.b, initiation, relayed_source(b_relayed)), IsEmpty());
  EXPECT_EQ(pair.b.engine.counters().rate_limited, 15);
}

TEST(RelayedSource, TellsPeersAndRegionsApartAndIsNoAddressOfAnybody) {
  const relay::Route one{.region = kRegion, .peer = node_key(1).public_key()};
  const relay::Route other{.region = kRegion, .peer = node_key(2).public_key()};
  EXPECT_EQ(relayed_source(one).remote.port, kRegion.value);
  EXPECT_NE(relayed_source(one), relayed_source(other));
  EXPECT_TRUE(IpPrefix::parse("100::/64")->contains(relayed_source(one).remote.address));
  EXPECT_TRUE(is_relayed_source(relayed_source(one).remote.address));
  EXPECT_FALSE(is_relayed_source(*IpAddress::parse("100:0:0:1::")));
  EXPECT_FALSE(is_relayed_source(*IpAddress::parse("1.0.0.0")));
}

// A stock WireGuard device beside peers whose paths are managed.
class EngineDevice : public EnginePaths {
 protected:
  EngineDevice() {
    Actions out;
    pair.a.engine.remove_peer(pair.b_at_a, pair.now, out);
    pair.b_at_a = pair.a.engine.add_peer(pair.b.engine.public_key(), PathMode::Roaming).value();
  }

  SendMessage initiation() {
    const Actions out = pair.want_send(pair.b);
    return messages(out).at(0);
  }
};

TEST_F(EngineDevice, IsAnsweredWhereItAsksFromAndFollowed) {
  EXPECT_TRUE(pair.data(pair.a).roams());
  const UdpPath first = path_to("198.51.100.1:7");
  const auto response = messages(pair.deliver_from(pair.a, initiation(), first)).at(0);
  EXPECT_EQ(response.to, first);
  ASSERT_NE(published(), nullptr);
  EXPECT_EQ(published()->path.direct, first);
  const UdpPath second = path_to("203.0.113.9:9");
  pair.a.engine.on_roamed(pair.b_at_a, second);
  EXPECT_EQ(published()->path.direct, second);
  EXPECT_EQ(pair.a.engine.status(pair.b_at_a).endpoint, second.remote);
}

TEST_F(EngineDevice, IsNotAskedBeforeItWasHeard) {
  EXPECT_THAT(describe(pair.want_send(pair.a)), IsEmpty());
  pair.a.engine.set_endpoint(pair.b_at_a, b_at.remote);
  EXPECT_EQ(messages(pair.run_for(pair.a, 6s)).at(0).to, b_at);
}

TEST_F(EngineDevice, IsNobodyBehindARelay) {
  EXPECT_THAT(pair.deliver_from(pair.a, initiation(), relayed_source(b_relayed)), IsEmpty());
  EXPECT_EQ(pair.a.engine.counters().unknown_peer, 1U);
  EXPECT_EQ(published(), nullptr);

  pair.a.engine.set_endpoint(pair.b_at_a, b_at.remote);
  const auto asked = messages(pair.want_send(pair.a)).at(0);
  const auto response = messages(pair.deliver(pair.b, asked)).at(0);
  EXPECT_THAT(pair.deliver_from(pair.a, response, relayed_source(b_relayed)), IsEmpty());
  EXPECT_EQ(published()->path.direct, b_at);
}

}  // namespace
}  // namespace warren::wg
