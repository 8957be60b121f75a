#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/server.h"
#include "crypto/key_text.h"
#include "crypto/system_random.h"
#include "db/testing.h"
#include "io/http_routes.h"
#include "io/listener.h"
#include "node/control_link.h"
#include "node/testing/loop_test.h"

// Nodes and the real coordination server, over loopback.
namespace warren::node {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Node {
  Node(boost::asio::io_context& loop, Random& random, ServerAddress address, std::string name)
      : hosts(0, random),
        link(loop.get_executor(),
             MachinePrivateKey::generate(random),
             std::move(address),
             hosts,
             0,
             random,
             Log::nowhere(),
             {.on_key_changed = [this](const NodePrivateKey& changed) -> Result<void> {
                key = changed.clone();
                return {};
              },
              .on_server_key = [](const MachinePublicKey&) {},
              .on_status = [this](const ClientStatus& now) { status = now; },
              .on_map = [this](const MapNews& news) { on_map(news); }}) {
    Introduction introduction;
    introduction.disco_key = DiscoPrivateKey::generate(random).public_key();
    introduction.hostinfo.hostname = std::move(name);
    introduction.hostinfo.os = "linux";
    link.introduce(introduction);
  }

  void on_map(const MapNews& news) {
    if (news.is_first) peers.clear();
    if (news.map.node) self = *news.map.node;
    for (const auto& peer : news.map.peers) peers[peer.name] = peer.key;
    for (const auto& peer : news.map.peers_changed) peers[peer.name] = peer.key;
  }

  NodePrivateKey key;
  ClientStatus status;
  std::optional<control::Node> self;
  std::map<std::string, NodePublicKey> peers;
  HostLookup hosts;
  ControlLink link;
};

struct ControlLinkServerTest : testing::LoopTest {
  void SetUp() override {
    start_server(Endpoint{.address = IpAddress::v4({127, 0, 0, 1}), .port = 0});
    endpoint = listener->endpoint();
    admin("users", R"({"login":"ann"})");
    const std::string made = admin("keys", R"({"user":"ann","reusable":true})");
    const std::string_view field = R"("key":")";
    const std::size_t begin = made.find(field) + field.size();
    auth_key = made.substr(begin, made.find('"', begin) - begin);
  }

  void TearDown() override {
    for (const auto& node : nodes) run(node->link.close());
    stop_server();
  }

  void start_server(const Endpoint& at) {
    control::ServerOptions options;
    options.engine.domain = "warren.test";
    options.state_directory = directory.path();
    options.program = "test";
    auto started = control::Server::start(loop.get_executor(), server_key.clone(), options, random,
                                          clock, Log::nowhere());
    WARREN_CHECK(started.has_value());
    server = std::move(*started);
    auto routes = std::make_shared<io::HttpRoutes>();
    server->add_routes(*routes);
    auto listening = io::Listener::listen(loop.get_executor(), at, io::ListenerKind::Plain, nullptr,
                                          {}, routes, random, Log::nowhere());
    WARREN_CHECK(listening.has_value());
    listener = std::move(*listening);
  }

  void stop_server() {
    listener->stop_accepting();
    run(server->stop());
    run(listener->stop());
    listener.reset();
    server.reset();
  }

  std::string admin(std::string path, std::string body) {
    std::optional<std::string> out;
    server->admin("POST", "/api/warren/v1/" + path, std::move(body),
                  [&](unsigned status, std::string json) {
                    EXPECT_EQ(status, 200) << json;
                    out = std::move(json);
                  });
    EXPECT_TRUE(until([&] { return out.has_value(); }));
    return out.value_or("");
  }

  Node& add(std::string name, std::optional<MachinePublicKey> known_key = {}) {
    ServerAddress address{.url = "http://" + endpoint.to_string(), .key = known_key};
    nodes.push_back(std::make_unique<Node>(loop, random, std::move(address), std::move(name)));
    nodes.back()->link.start({}, auth_key, false);
    return *nodes.back();
  }

  SystemRandom random;
  io::SystemWallClock clock;
  MachinePrivateKey server_key = MachinePrivateKey::generate(random);
  db::TemporaryDirectory directory;
  std::unique_ptr<control::Server> server;
  std::unique_ptr<io::Listener> listener;
  Endpoint endpoint;
  std::string auth_key;
  std::vector<std::unique_ptr<Node>> nodes;
};

TEST_F(ControlLinkServerTest, NodesLearnOfOneAnother) {
  Node& first = add("first");
  ASSERT_TRUE(until([&] { return first.status.is_connected; })) << first.status.error;
  ASSERT_TRUE(first.self);
  EXPECT_EQ(first.self->name, "first.warren.test.");
  EXPECT_EQ(first.self->key, first.key.public_key());
  Node& second = add("second", server_key.public_key());
  ASSERT_TRUE(until([&] { return !second.peers.empty() && !first.peers.empty(); }));
  EXPECT_THAT(first.peers,
              ElementsAre(std::pair(std::string("second.warren.test."), second.key.public_key())));
  EXPECT_THAT(second.peers,
              ElementsAre(std::pair(std::string("first.warren.test."), first.key.public_key())));
}

TEST_F(ControlLinkServerTest, ANodeComesBackWhenTheServerStartsAnew) {
  Node& node = add("node");
  ASSERT_TRUE(until([&] { return node.status.is_connected; })) << node.status.error;
  const auto self = node.self;
  stop_server();
  ASSERT_TRUE(until([&] { return !node.status.is_connected; }));
  EXPECT_EQ(node.status.login, LoginState::Joined);
  start_server(endpoint);
  ASSERT_TRUE(until([&] { return node.status.is_connected; })) << node.status.error;
  EXPECT_EQ(node.self->id, self->id);
  EXPECT_EQ(node.self->addresses, self->addresses);
}

TEST_F(ControlLinkServerTest, SaysWhyItIsNotAdmitted) {
  auth_key = "wrong";
  Node& node = add("node");
  ASSERT_TRUE(until([&] { return node.status.login == LoginState::NeedsLogin; }));
  EXPECT_THAT(node.status.error, HasSubstr("key"));
}

TEST_F(ControlLinkServerTest, SaysThatTheServerHasAnotherKey) {
  const MachinePublicKey other = MachinePrivateKey::generate(random).public_key();
  Node& node = add("node", other);
  ASSERT_TRUE(until([&] { return !node.status.error.empty(); }));
  EXPECT_THAT(node.status.error, HasSubstr("another key than " + to_text(other)));
  EXPECT_EQ(node.status.login, LoginState::Joining);
}

TEST_F(ControlLinkServerTest, LogsOut) {
  Node& node = add("node");
  ASSERT_TRUE(until([&] { return node.status.is_connected; })) << node.status.error;
  node.link.log_out();
  ASSERT_TRUE(until([&] { return node.status.login == LoginState::Stopped; }));
}

}  // namespace
}  // namespace warren::node
