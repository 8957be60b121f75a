#include "node/control_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "node/testing/fake_server.h"
#include "node/testing/loop_test.h"
#include "proto/control/codec.h"
#include "proto/control/map_frame.h"

namespace warren::node {
namespace {

namespace asio = boost::asio;
using ::testing::Contains;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Upgrade = FakeServer::Upgrade;

http2::Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

struct ControlLinkTest : testing::LoopTest {
  void SetUp() override {
    serve(server_);
    make_link({.url = url(server_), .key = {}});
  }

  void TearDown() override {
    if (link) run(link->close());
  }

  static std::string url(const FakeServer& of) {
    return "http://127.0.0.1:" + std::to_string(of.port());
  }

  void make_link(ServerAddress address) {
    ControlLink::Observer observer;
    observer.on_key_changed = [this](const NodePrivateKey& key) -> Result<void> {
      if (is_disk_full) return fail(Errc::Io, "the disk is full");
      kept = key.public_key();
      return {};
    };
    observer.on_server_key = [this](const MachinePublicKey& key) { server_key = key; };
    observer.on_status = [this](const ClientStatus& now) { status = now; };
    observer.on_map = [this](const MapNews& news) {
      maps.push_back(news);
      if (on_map) on_map();
    };
    link = std::make_unique<ControlLink>(loop.get_executor(), machine.clone(), std::move(address),
                                         hosts, 0, random, Log::nowhere(), std::move(observer));
  }

  // Admits everybody, and streams a map.
  void serve(FakeServer& server) {
    server.on_request = [this](FakeServer::Connection& connection, http2::StreamId stream,
                               const FakeServer::Request& request) {
      if (request.path == "/machine/register") {
        const auto asked = control::decode<control::RegisterRequest>(request.body).value();
        EXPECT_EQ(asked.node_key, kept);
        registrations.push_back(asked);
        connection.session.respond(
            stream, register_status, {},
            bytes_of(register_status == 200 ? control::encode(answer) : "not now"));
        return;
      }
      EXPECT_EQ(request.path, "/machine/map");
      const auto asked = control::decode<control::MapRequest>(request.body).value();
      if (!asked.stream) {
        updates.push_back(asked);
        connection.session.respond(stream, 200, {}, {});
        return;
      }
      map_stream = stream;
      connection.session.respond_open(stream, 200, {});
      control::MapResponse first;
      first.node.emplace().name = "self.example.";
      first.domain = "example";
      write_map(connection, first);
    };
  }

  void write_map(FakeServer::Connection& connection, const control::MapResponse& map) {
    http2::Bytes frame;
    writer.append_message(control::encode(map), control::Compression::Zstd, frame);
    EXPECT_TRUE(connection.session.write(map_stream, std::move(frame)));
    connection.flush();
  }

  void start() { link->start({}, "a key", false); }

  [[nodiscard]] bool join() {
    start();
    return until([&] { return status.is_connected; });
  }

  SystemRandom random;
  HostLookup hosts{0, random};
  MachinePrivateKey machine = MachinePrivateKey::generate(random);
  FakeServer server_{
      loop, MachinePrivateKey::generate(random), {.upgrade = Upgrade::AcceptWithEarlyNoise}};
  control::RegisterResponse answer;  // admitted
  std::uint16_t register_status = 200;
  control::MapFrameWriter writer;
  http2::StreamId map_stream;
  std::vector<control::RegisterRequest> registrations;
  std::vector<control::MapRequest> updates;

  bool is_disk_full = false;
  NodePublicKey kept;
  std::optional<MachinePublicKey> server_key;
  ClientStatus status;
  std::vector<MapNews> maps;
  std::function<void()> on_map;
  std::unique_ptr<ControlLink> link;
};

TEST_F(ControlLinkTest, JoinsAndStreamsTheMap) {
  ASSERT_TRUE(join());
  EXPECT_EQ(status.login, LoginState::Joined);
  EXPECT_EQ(link->leg(), Leg::Plain);
  EXPECT_EQ(server_key, server_.key.public_key());
  EXPECT_EQ(server_.last()->machine, machine.public_key());
  ASSERT_THAT(registrations, SizeIs(1));
  EXPECT_EQ(registrations.front().auth_key(), "a key");
  ASSERT_THAT(maps, SizeIs(1));
  EXPECT_TRUE(maps.front().is_first);
  EXPECT_EQ(maps.front().map.domain, "example");

  control::MapResponse second;
  second.domain = "other";
  write_map(*server_.last(), second);
  ASSERT_TRUE(until([&] { return maps.size() == 2; }));
  EXPECT_FALSE(maps.back().is_first);
  EXPECT_EQ(maps.back().map.domain, "other");
}

TEST_F(ControlLinkTest, TellsTheServerOfChanges) {
  ASSERT_TRUE(join());
  ASSERT_TRUE(until([&] { return updates.size() == 1; }));
  Introduction introduction;
  introduction.hostinfo.hostname = "changed";
  link->introduce(introduction);
  ASSERT_TRUE(until([&] { return updates.size() == 2; }));
  ASSERT_TRUE(updates.back().hostinfo);
  EXPECT_EQ(updates.back().hostinfo->hostname, "changed");
}

TEST_F(ControlLinkTest, ReadsMapsLargerThanTheWindows) {
  ASSERT_TRUE(join());
  SeededRandom noise(1);
  for (int i = 0; i < 3; ++i) {
    control::MapResponse large;
    large.domain.resize(4 << 20);
    for (char& c : large.domain) c = static_cast<char>('0' + noise.below(64));
    write_map(*server_.last(), large);
    ASSERT_TRUE(until([&] { return maps.size() == 2U + static_cast<std::size_t>(i); }));
    EXPECT_EQ(maps.back().map.domain, large.domain);
  }
  EXPECT_THAT(server_.connections, SizeIs(1));
}

TEST_F(ControlLinkTest, ComesBackWhenTheServerCloses) {
  ASSERT_TRUE(join());
  server_.close_all();
  ASSERT_TRUE(until([&] { return !status.is_connected; }));
  EXPECT_EQ(status.login, LoginState::Joined);
  EXPECT_THAT(status.error, HasSubstr("closed"));
  EXPECT_EQ(link->leg(), std::nullopt);
  ASSERT_TRUE(until([&] { return status.is_connected; }));
  EXPECT_THAT(server_.connections, SizeIs(2));
  EXPECT_TRUE(maps.back().is_first);
  EXPECT_THAT(server_.heads, SizeIs(3));  // the key is known by now
}

TEST_F(ControlLinkTest, ComesBackWhenTheMapEnds) {
  ASSERT_TRUE(join());
  server_.last()->session.end(map_stream);
  server_.last()->flush();
  ASSERT_TRUE(until([&] { return maps.size() == 2; }));
  EXPECT_THAT(server_.connections, SizeIs(2));
  server_.last()->session.reset(map_stream, http2::Code::InternalError);
  server_.last()->flush();
  ASSERT_TRUE(until([&] { return maps.size() == 3; }));
}

TEST_F(ControlLinkTest, ComesBackWhenItHearsNonsense) {
  ASSERT_TRUE(join());
  const std::string nonsense = "HTTP/1.1 400 Bad Request\r\n\r\n";
  static_cast<void>(server_.last()->stream->write(as_bytes(nonsense)));
  ASSERT_TRUE(until([&] { return maps.size() == 2; }));
}

TEST_F(ControlLinkTest, KeepsAConnectionThatAnswersAPing) {
  ASSERT_TRUE(join());
  link->on_network_change();
  const TimePoint pong_by = link->client().next_timeout();
  ASSERT_TRUE(until([&] { return link->client().next_timeout() > pong_by; }));
  EXPECT_TRUE(status.is_connected);
  EXPECT_THAT(server_.connections, SizeIs(1));
}

TEST_F(ControlLinkTest, TellsNothingWhenItsKeyCannotBeKept) {
  is_disk_full = true;
  start();
  EXPECT_EQ(status.login, LoginState::NeedsLogin);
  EXPECT_THAT(status.error, HasSubstr("the disk is full"));
  EXPECT_EQ(link->status(), status);
  is_disk_full = false;
  ASSERT_TRUE(join());
  EXPECT_THAT(server_.connections, SizeIs(1));
  EXPECT_EQ(status.error, "");
}

TEST_F(ControlLinkTest, SaysWhyTheServerRefuses) {
  answer.error = "the auth key is spent";
  start();
  ASSERT_TRUE(until([&] { return status.login == LoginState::NeedsLogin; }));
  EXPECT_EQ(status.error, "the auth key is spent");

  answer.error.clear();
  register_status = 503;
  start();
  ASSERT_TRUE(until([&] { return !status.error.empty() && registrations.size() > 1; }));
  EXPECT_EQ(status.login, LoginState::Joining);
  EXPECT_THAT(status.error, HasSubstr("503: not now"));
}

TEST_F(ControlLinkTest, SaysWhyItDoesNotConnect) {
  server_.options.upgrade = Upgrade::NotFound;
  start();
  ASSERT_TRUE(until([&] { return !status.error.empty(); }));
  EXPECT_EQ(status.login, LoginState::Joining);
  EXPECT_THAT(status.error, HasSubstr("404"));
  server_.options.upgrade = Upgrade::Accept;
  ASSERT_TRUE(until([&] { return status.is_connected; }));
}

TEST_F(ControlLinkTest, RefusesAnAddressThatMakesNoSense) {
  run(link->close());
  make_link({.url = "warren.example.org", .key = {}});
  start();
  EXPECT_EQ(status.login, LoginState::NeedsLogin);
  EXPECT_THAT(status.error, HasSubstr("https://warren.example.org"));
  EXPECT_TRUE(kept.is_zero());
}

TEST_F(ControlLinkTest, StopsWhileItConnects) {
  server_.options.upgrade = Upgrade::Silence;
  start();
  ASSERT_TRUE(until([&] { return server_.heads.size() == 2; }));  // the key, then silence
  link->stop();
  EXPECT_EQ(status, ClientStatus{});
  EXPECT_TRUE(until([&] { return server_.ended == 2; }));

  start();
  ASSERT_TRUE(until([&] { return server_.heads.size() == 4; }));
  run(link->close());
  link.reset();
  EXPECT_TRUE(until([&] { return server_.ended == 4; }));
}

TEST_F(ControlLinkTest, MayBeStoppedFromWithinACall) {
  on_map = [&] { link->stop(); };
  start();
  ASSERT_TRUE(until([&] { return !maps.empty(); }));
  EXPECT_TRUE(until([&] { return server_.ended == 2; }));
  EXPECT_EQ(status, ClientStatus{});
}

TEST_F(ControlLinkTest, LogsOut) {
  ASSERT_TRUE(join());
  link->log_out();
  ASSERT_TRUE(until([&] { return status.login == LoginState::Stopped; }));
  ASSERT_THAT(registrations, SizeIs(2));
  EXPECT_TRUE(registrations.back().expiry);
  EXPECT_TRUE(until([&] { return server_.ended == 2; }));
}

}  // namespace
}  // namespace warren::node
