#include "control/core/engine.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/testing.h"

namespace warren::control {
namespace {

using netmap::testing::machine;
using testing::Bench;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ControlEngine : public ::testing::Test {
 protected:
  std::string key(const std::string& more = "") {
    const auto answer =
        bench.admin("POST", "keys", R"({"user":"ann","reusable":true)" + more + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return std::string(boost::json::parse(answer.body).at("key").as_string());
  }

  // Joined, with a disco key, and a stream whose first message was read.
  RequestId up(const netmap::Machine& who) {
    EXPECT_EQ(bench.join(who, secret).error, "");
    const RequestId stream = bench.open_stream(who);
    bench.update(who, Bench::map_wish(who));
    bench.pass(1s);
    bench.take(stream);
    return stream;
  }

  void SetUp() override {
    EXPECT_EQ(bench.admin("POST", "users", R"({"login":"ann"})").status, 200);
  }

  Bench bench;
  std::string secret;
};

class Joined : public ControlEngine {
 protected:
  void SetUp() override {
    ControlEngine::SetUp();
    secret = key();
  }
};

TEST_F(Joined, TellsEveryoneOfNewDnsSettings) {
  const RequestId stream = up(machine(1, 1));
  DnsSettings settings;
  settings.search = {"corp.example"};
  bench.engine.set_dns(settings, bench.moment());
  bench.engine.set_dns(settings, bench.moment());  // says nothing new
  bench.pass(1s);
  const auto news = bench.take(stream);
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_TRUE(news[0].dns_config);
  EXPECT_THAT(news[0].dns_config->domains, ElementsAre("home.internal", "corp.example"));
  const RequestId again = bench.open_stream(machine(1, 1));
  bench.pass(1s);
  EXPECT_EQ(bench.take(again).at(0).dns_config, news[0].dns_config);
}

TEST_F(Joined, AnswersAJoinOnlyWhenItIsDurable) {
  bench.store_is_stalled = true;
  const auto who = machine(1, 1);
  const RequestId id = bench.send(who.key, "/machine/register", encode(Bench::wish(who, secret)));
  EXPECT_FALSE(bench.answers.contains(id));
  bench.store_is_stalled = false;
  bench.actions.clear();
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  EXPECT_TRUE(bench.response(id).machine_authorized);
  EXPECT_EQ(bench.response(id).login.login_name, "ann");
}

TEST_F(Joined, TakesEverythingBackWhenTheStoreFails) {
  bench.store_is_full = true;
  const auto refused = bench.join(machine(1, 1), secret);
  EXPECT_THAT(refused.error, HasSubstr("disk"));
  EXPECT_TRUE(bench.model.tables().nodes().empty());
  bench.store_is_full = false;
  EXPECT_EQ(bench.join(machine(1, 1), secret).error, "");
  EXPECT_EQ(bench.model.tables().nodes().begin()->second.v4.to_string(), "100.64.0.2");
}

TEST_F(Joined, RefusesUnknownKeysWithATextAndKeepsNothing) {
  const auto refused = bench.join(machine(1, 1), "wak_nonsense");
  EXPECT_THAT(refused.error, HasSubstr("not known"));
  EXPECT_FALSE(refused.machine_authorized);
  EXPECT_TRUE(bench.model.tables().nodes().empty());
}

// Demand S5: a node key is public; naming it must not give anything.
TEST_F(Joined, GivesNothingToAnotherMachineWithTheSameNodeKey) {
  up(machine(1, 1));
  const auto thief = machine(2, 1);
  EXPECT_THAT(bench.join(thief, "").error, HasSubstr("another machine"));
  EXPECT_THAT(bench.join(thief, secret).error, HasSubstr("another machine"));
  const RequestId stream = bench.open_stream(thief);
  EXPECT_EQ(bench.answers.at(stream).status, 404);
}

// Demand S4.
TEST_F(Joined, LetsExactlyOneOfManyUseASingleUseKey) {
  const auto answer = bench.admin("POST", "keys", R"({"user":"ann"})");
  const std::string once(boost::json::parse(answer.body).at("key").as_string());
  bench.store_is_stalled = true;
  std::vector<RequestId> ids;
  for (std::uint8_t i = 1; i <= 200; ++i) {
    const auto who = machine(i, i);
    ids.push_back(bench.send(who.key, "/machine/register", encode(Bench::wish(who, once))));
  }
  bench.store_is_stalled = false;
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  int joined = 0;
  for (const RequestId id : ids) joined += bench.response(id).error.empty() ? 1 : 0;
  EXPECT_EQ(joined, 1);
}

TEST_F(Joined, GathersWhatCameDuringACommitIntoTheNext) {
  bench.store_is_stalled = true;
  for (std::uint8_t i = 1; i <= 100; ++i) {
    const auto who = machine(i, i);
    bench.send(who.key, "/machine/register", encode(Bench::wish(who, secret)));
  }
  const std::size_t before = bench.commits.size();
  bench.store_is_stalled = false;
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  EXPECT_EQ(bench.commits.size(), before + 1);
  EXPECT_THAT(bench.model.tables().nodes(), SizeIs(100));
}

// None of them changes anything, so no further commit would take the rest along.
TEST_F(Joined, AnswersAllThatWaitedForACommit) {
  bench.store_is_stalled = true;
  bench.send(machine(1, 1).key, "/machine/register", encode(Bench::wish(machine(1, 1), secret)));
  const std::string refused = encode(Bench::wish(machine(2, 2), "wak_nonsense"));
  std::vector<RequestId> ids;
  ids.reserve(1000);
  for (int i = 0; i < 1000; ++i) {
    ids.push_back(bench.send(machine(2, 2).key, "/machine/register", refused));
  }
  bench.store_is_stalled = false;
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  for (const RequestId id : ids) EXPECT_TRUE(bench.answers.contains(id));
}

TEST_F(Joined, SurvivesAFetchOfANodeThatIsDeletedInTheSameCommit) {
  const auto who = machine(1, 1, "nas");
  up(who);
  bench.store_is_stalled = true;
  bench.join(machine(2, 2), "");
  bench.admin_later("POST", "users", R"({"login":"bob"})");
  const RequestId fetch = bench.send(who.key, "/machine/map", encode(Bench::map_wish(who)));
  bench.admin_later("DELETE", "nodes/nas");
  bench.store_is_stalled = false;
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  bench.pass(1s);
  EXPECT_FALSE(bench.is_open.at(fetch));
}

// Both wait for the same commit, and are looked at together.
TEST_F(ControlEngine, AcknowledgesAnApprovalOnlyWhenItIsStored) {
  const auto who = machine(1, 1);
  const std::string link = bench.join(who, "").auth_url;
  RegisterRequest follow = Bench::wish(who, "");
  follow.followup = link;
  bench.store_is_stalled = true;
  bench.admin_later("POST", "users", R"({"login":"bob"})");
  bench.admin_later("POST", "logins/" + link.substr(link.rfind('/') + 1) + "/approve",
                    R"({"user":"ann"})");
  const RequestId waiting = bench.send(who.key, "/machine/register", encode(follow));
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  ASSERT_TRUE(bench.commit) << "of the approval";
  EXPECT_FALSE(bench.answers.contains(waiting));
  bench.commit.reset();
  bench.engine.on_committed({}, bench.moment(), bench.actions);
  bench.perform();
  EXPECT_TRUE(bench.response(waiting).machine_authorized);
}

TEST_F(ControlEngine, LetsAPersonApproveAMachine) {
  const auto who = machine(1, 1);
  const auto asked = bench.join(who, "");
  ASSERT_THAT(asked.auth_url, HasSubstr("https://warren.example/register/"));
  RegisterRequest follow = Bench::wish(who, "");
  follow.followup = asked.auth_url;
  const RequestId waiting = bench.send(who.key, "/machine/register", encode(follow));
  EXPECT_FALSE(bench.answers.contains(waiting));

  const std::string id = asked.auth_url.substr(asked.auth_url.rfind('/') + 1);
  EXPECT_EQ(bench.admin("POST", "logins/" + id + "/approve", R"({"user":"nobody"})").status, 404);
  EXPECT_EQ(bench.admin("POST", "logins/" + id + "/approve", R"({"user":"ann"})").status, 200);
  EXPECT_TRUE(bench.response(waiting).machine_authorized);
  EXPECT_EQ(bench.join(who, "").error, "");
}

TEST_F(ControlEngine, GivesAFreshLinkWhenTheOldOneIsDead) {
  const auto who = machine(1, 1);
  const auto asked = bench.join(who, "");
  bench.pass(2h);
  RegisterRequest follow = Bench::wish(who, "");
  follow.followup = asked.auth_url;
  const auto again = bench.response(bench.send(who.key, "/machine/register", encode(follow)));
  EXPECT_NE(again.auth_url, "");
  EXPECT_NE(again.auth_url, asked.auth_url);
}

TEST_F(Joined, TellsEverythingFirst) {
  up(machine(1, 1, "nas"));
  const auto who = machine(2, 2, "laptop");
  bench.join(who, secret);
  const RequestId stream = bench.open_stream(who);
  bench.pass(100ms);
  const auto maps = bench.take(stream);
  ASSERT_THAT(maps, SizeIs(1));
  const MapResponse& map = maps.front();
  ASSERT_TRUE(map.node);
  EXPECT_EQ(map.node->name, "laptop.home.internal.");
  EXPECT_TRUE(map.node->machine_authorized);
  ASSERT_THAT(map.peers, SizeIs(1));
  EXPECT_EQ(map.peers[0].name, "nas.home.internal.");
  EXPECT_EQ(map.peers[0].online, true);
  EXPECT_THAT(map.user_profiles, SizeIs(1));
  ASSERT_TRUE(map.packet_filter);
  EXPECT_THAT(*map.packet_filter, SizeIs(1));
}

TEST_F(Joined, AnnouncesANodeWhenItCanBeSpokenTo) {
  const RequestId first = up(machine(1, 1));
  const auto who = machine(2, 2, "laptop");
  bench.join(who, secret);
  bench.pass(5s);
  EXPECT_THAT(bench.take(first), IsEmpty()) << "it has no disco key yet";
  bench.update(who, Bench::map_wish(who));
  bench.pass(5s);
  const auto news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_THAT(news[0].peers_changed, SizeIs(1));
  EXPECT_EQ(news[0].peers_changed[0].name, "laptop.home.internal.");
  EXPECT_FALSE(news[0].node);
}

TEST_F(Joined, TellsNewEndpointsAsAPatch) {
  const RequestId first = up(machine(1, 1));
  const auto who = machine(2, 2);
  up(who);
  bench.take(first);
  MapRequest wish = Bench::map_wish(who);
  wish.endpoints = {*Endpoint::parse("192.0.2.7:41641"), *Endpoint::parse("[fe80::1%3]:41641")};
  bench.update(who, wish);
  bench.update(who, wish);
  bench.pass(1s);
  const auto news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_THAT(news[0].peers_changed_patch, SizeIs(1));
  EXPECT_THAT(*news[0].peers_changed_patch[0].endpoints,
              ElementsAre(*Endpoint::parse("192.0.2.7:41641")));
  EXPECT_FALSE(news[0].peers_changed_patch[0].key);
}

TEST_F(Joined, MergesNewsForASlowReceiver) {
  const RequestId first = up(machine(1, 1));
  const auto who = machine(2, 2);
  up(who);
  bench.take(first);
  bench.is_slow = true;
  for (std::uint16_t port = 1; port <= 20; ++port) {
    MapRequest wish = Bench::map_wish(who);
    wish.endpoints = {{.address = IpAddress::v4({192, 0, 2, 7}), .port = port}};
    bench.update(who, wish);
    bench.pass(100ms);
  }
  EXPECT_THAT(bench.take(first), SizeIs(1)) << "and nothing more until it is taken";
  bench.is_slow = false;
  bench.engine.on_drained(first, bench.moment(), bench.actions);
  bench.perform();
  bench.pass(1s);
  const auto news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0].peers_changed_patch[0].endpoints->front().port, 20);
}

TEST_F(Joined, ShowsANodeOfflineAfterAGraceAndOnlineAtOnce) {
  const RequestId first = up(machine(1, 1));
  const auto who = machine(2, 2);
  const RequestId stream = up(who);
  bench.take(first);
  bench.engine.on_request_gone(stream, bench.moment(), bench.actions);
  bench.pass(9s);
  EXPECT_THAT(bench.take(first), IsEmpty());
  bench.pass(2s);
  auto news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0].peers_changed_patch[0].online, false);
  EXPECT_TRUE(news[0].peers_changed_patch[0].last_seen);
  bench.open_stream(who);
  bench.pass(100ms);
  news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0].peers_changed_patch[0].online, true);
}

TEST_F(Joined, NeverShowsAQuickReconnect) {
  const RequestId first = up(machine(1, 1));
  const auto who = machine(2, 2);
  const RequestId old = up(who);
  bench.take(first);
  const RequestId fresh = bench.open_stream(who);
  EXPECT_FALSE(bench.is_open.at(old));
  bench.engine.on_request_gone(old, bench.moment(), bench.actions);  // late, and harmless
  bench.pass(20s);
  EXPECT_THAT(bench.take(first), IsEmpty());
  EXPECT_TRUE(bench.is_open.at(fresh));
}

TEST_F(Joined, RemovesADeletedNodeEverywhere) {
  const RequestId first = up(machine(1, 1, "nas"));
  const auto who = machine(2, 2, "laptop");
  const RequestId stream = up(who);
  bench.take(first);
  EXPECT_EQ(bench.admin("DELETE", "nodes/laptop").status, 200);
  bench.pass(100ms);
  const auto news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_THAT(news[0].peers_removed, ElementsAre(NodeId{2}));
  EXPECT_FALSE(bench.is_open.at(stream));
  EXPECT_EQ(bench.answers.at(bench.open_stream(who)).status, 404);
}

TEST_F(Joined, SaysWhenAKeyExpires) {
  const RequestId first = up(machine(1, 1, "nas"));
  const auto who = machine(2, 2, "laptop");
  const RequestId stream = up(who);
  bench.take(first);
  EXPECT_EQ(bench.admin("POST", "nodes/laptop/expire").status, 200);
  bench.pass(100ms);
  const auto own = bench.take(stream);
  ASSERT_FALSE(own.empty());
  EXPECT_TRUE(own.back().node && own.back().node->expired);
  EXPECT_TRUE(bench.join(who, "").node_key_expired);
  const auto other = bench.take(first);
  ASSERT_FALSE(other.empty());
}

TEST_F(Joined, ExpiresKeysByTheServersClock) {
  const RequestId first = up(machine(1, 1));
  up(machine(2, 2));
  bench.pass(7h);
  bool was_told = false;
  for (const MapResponse& news : bench.take(first)) {
    for (const Node& peer : news.peers_changed) was_told = was_told || peer.expired;
  }
  EXPECT_TRUE(was_told);
}

TEST_F(Joined, RevivesKeysWhenTheServersClockGoesBack) {
  const RequestId first = up(machine(1, 1));
  const auto who = machine(2, 2);
  const RequestId own = up(who);
  // What this stream was told last of the node: whether its key has expired.
  const auto told = [&](RequestId stream) {
    std::optional<bool> out;
    for (const MapResponse& news : bench.take(stream)) {
      if (stream == own && news.node) out = news.node->expired;
      for (const Node& peer : news.peers_changed) {
        if (stream == first && peer.key == who.node_key) out = peer.expired;
      }
    }
    return out;
  };
  bench.clock_error = std::chrono::hours(24 * 365 * 20);
  bench.pass(2min);
  EXPECT_EQ(told(own), true);
  EXPECT_EQ(told(first), true);
  bench.clock_error = {};
  bench.pass(2min);
  EXPECT_EQ(told(own), false);
  EXPECT_EQ(told(first), false);
}

TEST_F(Joined, SaysThatARenewedKeyHasNotExpired) {
  const RequestId first = up(machine(1, 1, "nas"));
  up(machine(2, 2, "laptop"));
  EXPECT_EQ(bench.admin("POST", "nodes/laptop/expire").status, 200);
  bench.pass(1s);
  bench.take(first);
  const auto renewed = machine(2, 3, "laptop");
  EXPECT_TRUE(bench.join(renewed, secret).machine_authorized);
  bench.pass(1s);
  const auto news = bench.take(first);
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_THAT(news[0].peers_changed, SizeIs(1)) << "a patch cannot say it";
  EXPECT_FALSE(news[0].peers_changed[0].expired);
  EXPECT_EQ(news[0].peers_changed[0].key, renewed.node_key);
  EXPECT_TRUE(news[0].control_time);
}

TEST_F(Joined, EndsASessionByLogout) {
  const auto who = machine(1, 1);
  up(who);
  RegisterRequest logout = Bench::wish(who, secret);
  logout.expiry = WallTime{.seconds = 123};
  bench.send(who.key, "/machine/register", encode(logout));
  EXPECT_TRUE(bench.model.tables().nodes().begin()->second.is_expired(bench.wall));
  EXPECT_GT(bench.model.tables().nodes().begin()->second.key_expiry->seconds, 1'700'000'000);
}

TEST_F(Joined, RemovesEphemeralNodesThatStayAway) {
  const auto answer = bench.admin("POST", "keys", R"({"user":"ann","ephemeral":true})");
  const std::string once(boost::json::parse(answer.body).at("key").as_string());
  const auto who = machine(1, 1);
  bench.join(who, once);
  const RequestId stream = bench.open_stream(who);
  bench.pass(1h);
  EXPECT_THAT(bench.model.tables().nodes(), SizeIs(1)) << "it is online";
  bench.engine.on_request_gone(stream, bench.moment(), bench.actions);
  bench.pass(29min);
  EXPECT_THAT(bench.model.tables().nodes(), SizeIs(1));
  bench.pass(2min);
  EXPECT_THAT(bench.model.tables().nodes(), IsEmpty());
}

TEST_F(Joined, SendsKeepalivesBeforeClientsGiveUp) {
  const RequestId stream = up(machine(1, 1));
  bench.pass(5min);
  const auto messages = bench.take(stream);
  EXPECT_GE(messages.size(), 9);
  for (const MapResponse& message : messages) EXPECT_TRUE(message.keep_alive);
}

TEST_F(Joined, WritesWhatNodesSayOnceInAWhile) {
  const auto who = machine(1, 1);
  up(who);
  const std::size_t before = bench.commits.size();
  MapRequest wish = Bench::map_wish(who);
  for (std::uint16_t port = 1; port <= 50; ++port) {
    wish.endpoints = {{.address = IpAddress::v4({192, 0, 2, 7}), .port = port}};
    bench.update(who, wish);
    bench.pass(100ms);
  }
  bench.pass(1min);
  EXPECT_LE(bench.commits.size(), before + 3);
  ASSERT_FALSE(bench.commits.back().soft.empty());
  EXPECT_EQ(bench.commits.back().soft[0].state->endpoints[0].port, 50);
}

TEST_F(Joined, WritesAtOnceWhatMakesANodeReachable) {
  const auto who = machine(1, 1);
  ASSERT_EQ(bench.join(who, secret).error, "");
  const std::size_t joined = bench.commits.size();
  MapRequest wish = Bench::map_wish(who);
  bench.update(who, wish);
  ASSERT_EQ(bench.commits.size(), joined + 1);
  EXPECT_EQ(bench.commits.back().soft[0].state->disco_key, wish.disco_key);
  wish.hostinfo->net_info.emplace().preferred_derp = relay::RegionId{901};
  bench.update(who, wish);
  ASSERT_EQ(bench.commits.size(), joined + 2);
  EXPECT_EQ(bench.commits.back().soft[0].state->home, relay::RegionId{901});
  // Later it has been seen under these: what changes then may be lost.
  wish.hostinfo->net_info->preferred_derp = relay::RegionId{902};
  wish.disco_key = netmap::testing::numbered_key<DiscoPublicKey>(77);
  bench.update(who, wish);
  EXPECT_EQ(bench.commits.size(), joined + 2);
}

TEST_F(Joined, WritesWhatNodesSayWhenItIsToEnd) {
  const auto who = machine(1, 1);
  up(who);
  const std::size_t before = bench.commits.size();
  MapRequest wish = Bench::map_wish(who);
  wish.endpoints = {{.address = IpAddress::v4({192, 0, 2, 7}), .port = 7}};
  bench.update(who, wish);
  EXPECT_EQ(bench.commits.size(), before);
  bench.engine.flush(bench.moment(), bench.actions);
  bench.perform();
  ASSERT_EQ(bench.commits.size(), before + 1);
  EXPECT_EQ(bench.commits.back().soft[0].state->endpoints[0].port, 7);
  bench.engine.flush(bench.moment(), bench.actions);
  EXPECT_TRUE(bench.actions.empty());
}

TEST_F(Joined, BoundsAndCleansWhatNodesTellOfThemselves) {
  const auto who = machine(1, 1, "n\x1b[2Jas");
  const auto watcher = machine(2, 2, "watcher");
  const RequestId stream = up(watcher);
  up(who);
  const auto seen = bench.take(stream);
  ASSERT_FALSE(seen.empty());
  ASSERT_EQ(seen[0].peers_changed.size(), 1);
  EXPECT_EQ(seen[0].peers_changed[0].hostinfo->hostname, "n[2Jas");
  MapRequest wish = Bench::map_wish(who);
  wish.omit_peers = true;
  wish.hostinfo->request_tags.assign(1000, std::string(100, 'x'));
  EXPECT_EQ(bench.answers.at(bench.send(who.key, "/machine/map", encode(wish))).status, 413);
}

TEST_F(ControlEngine, RenamesAUser) {
  EXPECT_EQ(bench.admin("POST", "users/ann/rename", R"({"login":"anna"})").status, 200);
  EXPECT_EQ(bench.admin("POST", "users/ann/rename", R"({"login":"ann"})").status, 404);
  EXPECT_EQ(bench.admin("POST", "users/anna/promote", "{}").status, 404);
  EXPECT_EQ(bench.admin("POST", "users/anna/rename", R"({"login":"ann"})").status, 200);
}

TEST_F(ControlEngine, RefusesWhatIsNoRequest) {
  EXPECT_EQ(bench.answers.at(bench.send(machine(1, 1).key, "/machine/map", "{")).status, 400);
  EXPECT_EQ(bench.answers.at(bench.send(machine(1, 1).key, "/machine/register", "[]")).status, 400);
  EXPECT_EQ(bench.answers.at(bench.send(machine(1, 1).key, "/machine/set-dns", "{}")).status, 501);
  EXPECT_EQ(bench.admin("POST", "users", R"({"login":"ann"})").status, 409);
  EXPECT_EQ(bench.admin("POST", "users", R"({"logn":"bob"})").status, 400);
}

}  // namespace
}  // namespace warren::control
