#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/testing.h"

// Requests of real stock clients, each to a server that knows of the client what the request tells
// that it should. With WARREN_GOLDEN_DIR set to a directory with the whole recordings
// (*-traffic.jsonl.gz), all of them.
namespace warren::control {
namespace {

using testing::Bench;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr WallTime kRecorded{.seconds = 1'795'251'600};  // 2026-11-21, 09:00

struct Recorded {
  std::string method;
  std::string path;
  std::string body;
};

class Server : public Bench {
 public:
  explicit Server(WallTime at = kRecorded) {
    clock_error = std::chrono::seconds(at.seconds - netmap::testing::kNow.seconds);
    pass(0s);
    EXPECT_EQ(admin("POST", "users", R"({"login":"ann"})").status, 200);
    const auto answer = admin("POST", "keys", R"({"user":"ann","reusable":true})");
    auth_key = std::string(boost::json::parse(answer.body).at("key").as_string());
  }

  // A machine of that node key is in, and hears what is new.
  void admit(const NodePublicKey& key) {
    who.node_key = key;
    EXPECT_EQ(join(who, auth_key).error, "");
  }

  Answer ask(const Recorded& request) {
    const RequestId id{++last_request};
    engine.on_request({.id = id,
                       .caller = {.machine = who.key, .version = 142, .address = IpAddress()},
                       .method = request.method,
                       .path = request.path,
                       .body = request.body},
                      moment(), actions);
    perform();
    last = id;
    return answers.contains(id) ? answers.at(id) : Answer();
  }

  std::vector<std::pair<netmap::NodeId, netmap::Node>> nodes() const {
    const auto& all = model.tables().nodes();
    return {all.begin(), all.end()};
  }

  netmap::Machine who = netmap::testing::machine(1, 1, "stock");
  std::string auth_key;
  RequestId last;
};

void expect_registered(const Recorded& recorded, const RegisterRequest& wish) {
  const bool is_logout = wish.expiry && *wish.expiry <= kRecorded;
  // A key may end sooner than this server lets it, not later.
  Server server(wish.expiry && !is_logout ? wish.expiry->after(-3600s) : kRecorded);
  Recorded request = recorded;
  if (!wish.auth_key().empty()) {
    const std::size_t at = request.body.find(wish.auth_key());
    request.body.replace(at, wish.auth_key().size(), server.auth_key);
  }
  if (is_logout || wish.expiry) server.admit(wish.node_key);
  if (wish.expiry && !is_logout) {  // of a network where keys last longer than that
    netmap::Changes changes;
    ASSERT_TRUE(server.model.set_key_expiry(server.nodes().at(0).first, std::nullopt, changes));
  }
  if (!wish.old_node_key.is_zero() && !is_logout) server.admit(wish.old_node_key);

  const auto answer = server.ask(request);
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const auto response = decode<RegisterResponse>(answer.body);
  ASSERT_TRUE(response);
  // The key is a user's: whether that lets tags in is not the matter here.
  const bool asks_for_tags = wish.hostinfo && !wish.hostinfo->request_tags.empty();
  if (asks_for_tags && !response->error.empty()) {
    EXPECT_THAT(response->error, HasSubstr(wish.hostinfo->request_tags[0]));
    return;
  }
  EXPECT_EQ(response->error, "");
  if (is_logout) {
    EXPECT_TRUE(response->node_key_expired);
    EXPECT_TRUE(server.nodes().at(0).second.is_expired(server.wall));
  } else if (wish.expiry) {
    EXPECT_EQ(server.nodes().at(0).second.key_expiry, wish.expiry);
  } else if (!wish.auth_key().empty()) {
    EXPECT_TRUE(response->machine_authorized);
    EXPECT_EQ(response->login.login_name, "ann");
    ASSERT_THAT(server.nodes(), SizeIs(1));
    EXPECT_EQ(server.nodes().at(0).second.key, wish.node_key);
  } else if (wish.old_node_key != wish.node_key) {
    EXPECT_THAT(response->auth_url, Not(IsEmpty()));
  }
}

void expect_mapped(const Recorded& request, const MapRequest& wish) {
  Server server;
  server.admit(wish.node_key);
  ASSERT_FALSE(wish.read_only);
  const auto answer = server.ask(request);
  if (!wish.stream) {
    EXPECT_EQ(answer.status, 200U) << answer.body;
    EXPECT_EQ(answer.body, "");
  } else {
    EXPECT_TRUE(server.is_open[server.last]);
    EXPECT_THAT(server.frames[server.last], SizeIs(1));
  }
  // What others see of it.
  auto other = netmap::testing::machine(2, 2, "other");
  EXPECT_EQ(server.join(other, server.auth_key).error, "");
  const RequestId stream = server.open_stream(other);
  server.pass(1s);
  const auto messages = server.take(stream);
  ASSERT_THAT(messages, Not(IsEmpty()));
  ASSERT_THAT(messages[0].peers, SizeIs(1));
  const Node& peer = messages[0].peers[0];
  EXPECT_EQ(peer.key, wish.node_key);
  EXPECT_EQ(peer.disco_key, wish.disco_key);
  for (const Endpoint& endpoint : wish.endpoints) EXPECT_THAT(peer.endpoints, Contains(endpoint));
  ASSERT_TRUE(wish.hostinfo && peer.hostinfo);
  EXPECT_EQ(peer.hostinfo->services, wish.hostinfo->services);
  EXPECT_EQ(peer.hostinfo->hostname, wish.hostinfo->hostname);
  if (wish.hostinfo->net_info) {
    EXPECT_EQ(peer.home_derp, wish.hostinfo->net_info->preferred_derp);
  }
}

void expect_accepted(const Recorded& request) {
  SCOPED_TRACE(request.method + " " + request.path + " " + request.body);
  if (request.path == "/machine/register") {
    const auto wish = decode<RegisterRequest>(request.body);
    ASSERT_TRUE(wish) << wish.error().detail;
    return expect_registered(request, *wish);
  }
  if (request.path == "/machine/map") {
    const auto wish = decode<MapRequest>(request.body);
    ASSERT_TRUE(wish) << wish.error().detail;
    return expect_mapped(request, *wish);
  }
  // Clients cope with it (spec: control section 3.2).
  Server server;
  EXPECT_EQ(server.ask(request).status, 501U);
}

std::string unpacked(const std::string& path) {
  const std::string command = "gzip -dc '" + path + "'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      popen(command.c_str(), "r"), pclose);  // NOLINT(cert-env33-c): by hand only
  std::string out;
  std::array<char, 65536> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    out.append(buffer.data(), size);
  }
  return out;
}

TEST(RecordedRequests, AreAccepted) {
  std::ifstream in(std::string(WARREN_SOURCE_DIR) +
                   "/src/control/core/testdata/recorded_requests.txt");
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t path = line.find(' ') + 1;
    const std::size_t body = std::min(line.find(' ', path), line.size());
    expect_accepted({.method = line.substr(0, path - 1),
                     .path = line.substr(path, body - path),
                     .body = body == line.size() ? "" : line.substr(body + 1)});
    ++count;
  }
  EXPECT_GT(count, 20U);
}

TEST(RecordedRequests, OfWholeRecordingsAreAccepted) {
  const char* const directory = std::getenv("WARREN_GOLDEN_DIR");
  if (directory == nullptr) GTEST_SKIP() << "WARREN_GOLDEN_DIR is not set";
  std::size_t count = 0;
  for (const std::string run : {"headscale", "testcontrol"}) {
    const std::string all = unpacked(std::string(directory) + "/" + run + "-traffic.jsonl.gz");
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(all.find('\n', at), all.size());
      const auto line = boost::json::parse(std::string_view(all).substr(at, end - at)).as_object();
      at = end + 1;
      const auto text = [&](std::string_view key) {
        const auto* const value = line.if_contains(key);
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
      };
      if (text("kind") != "request" || !text("path").starts_with("/machine/")) continue;
      expect_accepted({.method = text("method"), .path = text("path"), .body = text("json")});
      ++count;
    }
  }
  EXPECT_GT(count, 100U);
}

}  // namespace
}  // namespace warren::control
