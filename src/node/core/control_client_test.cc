#include "node/core/control_client.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/testing.h"

namespace warren::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The real engine of the server, and any number of clients of it.
struct World {
  struct Node {
    Node(World& of, std::uint64_t seed) : world(of), random(seed), client(random) {
      std::array<std::uint8_t, kKeySize> bytes{};
      random.fill(bytes);
      machine = MachinePublicKey(bytes);
      Introduction introduction;
      introduction.disco_key = DiscoPrivateKey::generate(random).public_key();
      introduction.hostinfo.hostname = "node-" + std::to_string(seed);
      introduction.hostinfo.os = "linux";
      client.introduce(introduction, world.server.now);
    }

    void start(std::string auth_key = {}) {
      client.start(client.node_key().clone(), std::move(auth_key), false, actions);
      world.settle();
    }

    World& world;
    SeededRandom random;
    ControlClient client;
    MachinePublicKey machine;
    ClientActions actions;
    bool is_connected = false;
    std::map<RequestNumber, control::RequestId> requests;
    std::vector<MapNews> maps;
    std::vector<std::string> keys;  // that were kept
  };

  Node& add() {
    nodes.push_back(std::make_unique<Node>(*this, nodes.size() + 1));
    return *nodes.back();
  }

  // Until nobody has anything to do now.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& node : nodes) {
        for (ClientAction& action : std::exchange(node->actions, {})) {
          moved = true;
          std::visit([&](auto& what) { perform(*node, what); }, action);
        }
        deliver(*node, moved);
      }
    }
  }

  void pass(Duration span) {
    const TimePoint end = server.now + span;
    for (;;) {
      settle();
      TimePoint next = server.engine.next_timeout();
      for (const auto& node : nodes) next = std::min(next, node->client.next_timeout());
      if (next > end) break;
      server.advance(std::max(next, server.now));
      server.engine.on_timeout(server.moment(), server.actions);
      server.perform();
      for (const auto& node : nodes) node->client.on_timeout(server.now, node->actions);
    }
    server.advance(end);
  }

  void perform(Node& node, const Connect&) {
    if (is_away) {
      node.client.on_connection_lost("connection refused", server.now, node.actions);
      return;
    }
    node.is_connected = true;
    node.client.on_connected(server.now, node.actions);
  }

  void perform(Node& node, const Disconnect&) {
    node.is_connected = false;
    for (const auto& [number, id] : std::exchange(node.requests, {})) {
      server.engine.on_request_gone(id, server.moment(), server.actions);
    }
    server.perform();
  }

  void perform(Node& node, const Post& post) {
    if (node.is_connected)
      node.requests[post.number] = server.send(node.machine, post.path, post.body);
  }

  void perform(Node& node, const Cancel& cancel) {
    server.engine.on_request_gone(node.requests.at(cancel.number), server.moment(), server.actions);
    server.perform();
    node.requests.erase(cancel.number);
  }

  void perform(Node& node, const Ping&) {
    if (!is_silent) node.client.on_pong(server.now);
  }

  void perform(Node& node, const KeyChanged&) {
    node.keys.push_back(node.client.node_key().public_key().short_text());
  }

  void perform(Node&, const StatusChanged&) {}

  void perform(Node& node, MapNews& news) { node.maps.push_back(std::move(news)); }

  // What the server said since the last time.
  void deliver(Node& node, bool& moved) {
    for (const auto& [number, id] : std::map(node.requests)) {
      const auto answer = server.answers.find(id);
      if (answer != server.answers.end()) {
        moved = true;
        node.requests.erase(number);
        const auto said = answer->second;
        server.answers.erase(answer);
        node.client.on_answer(number, said.status, said.body, server.now, node.actions);
        node.client.on_stream_end(number, said.status, said.body, server.now, node.actions);
        return;
      }
      for (const auto& bytes : std::exchange(server.frames[id], {})) {
        moved = true;
        node.client.on_stream_data(number, bytes, server.now, node.actions);
      }
      const auto open = server.is_open.find(id);
      if (open != server.is_open.end() && !open->second) {
        moved = true;
        node.requests.erase(number);
        server.is_open.erase(open);
        node.client.on_stream_end(number, 200, {}, server.now, node.actions);
      }
    }
  }

  void lose_connections(bool for_now) {
    is_away = !for_now;
    for (const auto& node : nodes) {
      perform(*node, Disconnect{});
      node->client.on_connection_lost("connection reset", server.now, node->actions);
    }
    settle();
  }

  control::testing::Bench server;
  std::vector<std::unique_ptr<Node>> nodes;
  bool is_away = false;
  bool is_silent = false;
};

std::string take_field(const std::string& json, const std::string& name) {
  const std::size_t at = json.find("\"" + name + "\":\"") + name.size() + 4;
  return json.substr(at, json.find('"', at) - at);
}

class ControlClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world.server.admin("POST", "users", R"({"login":"ann"})");
    const auto made = world.server.admin("POST", "keys", R"({"user":"ann","reusable":true})");
    key = take_field(made.body, "key");
  }

  World world;
  std::string key;
};

TEST_F(ControlClientTest, JoinsWithAnAuthKeyAndHearsOfOthers) {
  auto& a = world.add();
  auto& b = world.add();
  a.start(key);
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::Joined);
  EXPECT_TRUE(a.client.status().is_connected);
  EXPECT_THAT(a.keys, SizeIs(1));
  ASSERT_THAT(a.maps, SizeIs(1));
  EXPECT_TRUE(a.maps[0].is_first);
  b.start(key);
  world.pass(1s);
  ASSERT_THAT(a.maps, SizeIs(2));
  ASSERT_THAT(a.maps[1].map.peers_changed, SizeIs(1));
  EXPECT_EQ(a.maps[1].map.peers_changed[0].name, "node-2.home.internal.");
  ASSERT_FALSE(b.maps.empty());
  EXPECT_THAT(b.maps[0].map.peers, SizeIs(1));
}

TEST_F(ControlClientTest, SaysWhyItWasRefusedAndStopsAsking) {
  auto& a = world.add();
  a.start("wak_wrong");
  world.pass(1min);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin);
  EXPECT_THAT(a.client.status().error, HasSubstr("not known"));
  EXPECT_EQ(world.server.engine.counters().refused, 1);
  a.start(key);
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::Joined);
}

TEST_F(ControlClientTest, WaitsForAPersonsApproval) {
  auto& a = world.add();
  a.start();
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin);
  const std::string link = a.client.status().link;
  ASSERT_THAT(link, HasSubstr("/register/"));
  world.lose_connections(true);  // also over a lost connection
  world.pass(10s);
  world.server.admin("POST", "logins/" + link.substr(link.rfind('/') + 1) + "/approve",
                     R"({"user":"ann"})");
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::Joined);
  EXPECT_TRUE(a.client.status().is_connected);
}

TEST_F(ControlClientTest, IsToldOfARefusalAlsoWhenItWasAway) {
  auto& a = world.add();
  a.start();
  world.pass(1s);
  const std::string link = a.client.status().link;
  world.lose_connections(false);
  world.server.admin("DELETE", "logins/" + link.substr(link.rfind('/') + 1));
  world.is_away = false;
  world.pass(10s);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin);
  EXPECT_THAT(a.client.status().error, HasSubstr("refused"));
  a.start();
  world.pass(1s);
  EXPECT_NE(a.client.status().link, "") << "somebody asked again";
}

TEST_F(ControlClientTest, TellsChangesOfItsOwnSoon) {
  auto& a = world.add();
  auto& b = world.add();
  a.start(key);
  b.start(key);
  world.pass(1s);
  a.maps.clear();
  Introduction more;
  more.disco_key = DiscoPrivateKey::generate(b.random).public_key();
  more.hostinfo.hostname = "node-2";
  more.hostinfo.os = "linux";
  more.endpoints = {*Endpoint::parse("192.0.2.7:41641")};
  b.client.introduce(more, world.server.now);
  world.pass(100ms);
  ASSERT_THAT(a.maps, SizeIs(1));
  ASSERT_THAT(a.maps[0].map.peers_changed_patch, SizeIs(1));
  EXPECT_EQ(a.maps[0].map.peers_changed_patch[0].disco_key, more.disco_key);
}

TEST_F(ControlClientTest, ComesBackWithinASecondOfAServersRestart) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  world.lose_connections(false);
  EXPECT_FALSE(a.client.status().is_connected);
  EXPECT_EQ(a.client.status().login, LoginState::Joined) << "the tunnel lives on";
  world.pass(20s);
  world.is_away = false;
  world.pass(1s);
  EXPECT_TRUE(a.client.status().is_connected);
  EXPECT_TRUE(a.maps.back().is_first);
}

TEST_F(ControlClientTest, NoticesASilentConnection) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  world.is_silent = true;
  a.client.on_network_change(world.server.now, a.actions);
  world.pass(4s);
  EXPECT_EQ(a.client.counters().lost, 1);
  EXPECT_TRUE(a.client.status().is_connected) << "over another one";
}

TEST_F(ControlClientTest, MakesANewKeyWhenItsOwnHasExpired) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  world.server.admin("POST", "nodes/node-1/expire");
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin);
  EXPECT_THAT(a.client.status().error, HasSubstr("expired"));
  world.add().start(key);
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin) << "news of others change nothing";
  EXPECT_THAT(a.client.status().error, HasSubstr("expired"));
  a.start();
  world.pass(1s);
  EXPECT_THAT(a.keys, SizeIs(2));
  EXPECT_THAT(a.client.status().link, HasSubstr("/register/"));
}

TEST_F(ControlClientTest, TakesTurnsWithAMachineThatHasACopyOfItsState) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  auto& copy = world.add();
  copy.machine = a.machine;
  copy.client.start(a.client.node_key().clone(), {}, false, copy.actions);
  world.pass(2min);
  const auto connections = [&] {
    return a.client.counters().connections + copy.client.counters().connections;
  };
  const auto before = connections();
  world.pass(10min);
  EXPECT_LE(connections() - before, 40) << "no storm";
  EXPECT_TRUE(a.client.status().is_connected || copy.client.status().is_connected);
  copy.client.stop(copy.actions);
  world.pass(1min);
  EXPECT_TRUE(a.client.status().is_connected);
  world.pass(10min);
  EXPECT_TRUE(a.client.status().is_connected);
}

TEST_F(ControlClientTest, LogsOut) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  a.client.log_out(a.actions);
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::Stopped);
  EXPECT_TRUE(world.server.model.tables().nodes().begin()->second.is_expired(world.server.wall));
}

TEST_F(ControlClientTest, IsIdleWhileALogoutWaitsForTheServer) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  Introduction other;
  other.hostinfo.hostname = "other";
  a.client.introduce(other, world.server.now);
  world.server.store_is_stalled = true;
  a.client.log_out(a.actions);
  world.settle();
  world.server.advance(world.server.now + 1s);
  a.client.on_timeout(world.server.now, a.actions);
  EXPECT_GT(a.client.next_timeout(), world.server.now);
}

TEST_F(ControlClientTest, NoticesASilentConnectionWhileItWaitsForApproval) {
  auto& a = world.add();
  a.start();
  world.pass(2min);
  EXPECT_EQ(a.client.counters().lost, 0);
  world.is_silent = true;
  world.pass(40s);
  EXPECT_EQ(a.client.counters().lost, 1);
}

TEST_F(ControlClientTest, LearnsThatItWasDeleted) {
  auto& a = world.add();
  a.start();
  world.pass(1s);
  const std::string link = a.client.status().link;
  world.server.admin("POST", "logins/" + link.substr(link.rfind('/') + 1) + "/approve",
                     R"({"user":"ann"})");
  world.pass(1s);
  ASSERT_EQ(a.client.status().login, LoginState::Joined);
  world.server.admin("DELETE", "nodes/node-1");
  world.pass(1min);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin);
  EXPECT_NE(a.client.status().link, link);
}

TEST_F(ControlClientTest, DoesNotComeBackByItsAuthKeyWhenItWasDeleted) {
  auto& a = world.add();
  a.start(key);
  world.pass(1s);
  world.lose_connections(false);
  world.is_away = false;
  world.pass(1min);
  ASSERT_TRUE(a.client.status().is_connected) << "for that it needs no key";
  world.server.admin("DELETE", "nodes/node-1");
  world.pass(1min);
  EXPECT_EQ(a.client.status().login, LoginState::NeedsLogin);
  EXPECT_THAT(a.client.status().error, HasSubstr("removed"));
  EXPECT_TRUE(world.server.model.tables().nodes().empty());
  a.start(key);
  world.pass(1s);
  EXPECT_EQ(a.client.status().login, LoginState::Joined);
  EXPECT_EQ(a.client.status().error, "");
}

}  // namespace
}  // namespace warren::node
