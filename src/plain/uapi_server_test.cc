#include "plain/uapi_server.h"

#include <filesystem>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"
#include "plain/testing.h"

namespace warren::plain {
namespace {

namespace asio = boost::asio;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Socket = asio::local::stream_protocol::socket;

constexpr std::string_view kPeerKey =
    "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33";

class FixedClock final : public WallClock {
 public:
  WallTime now() const override { return {1700000000, 0}; }
};

// The engine without a packet path.
class FakeTunnel final : public tunnel::Tunnel {
 public:
  void configure(const Change& change) override {
    wg::Actions actions;
    change(engine_, TimePoint{}, actions);
  }

  const wg::Engine& engine() const override { return engine_; }

  std::uint16_t listen_port() const override { return port; }

  std::uint32_t mark() const override { return mark_; }

  Result<void> set_listen_port(std::uint16_t wanted) override {
    if (wanted == 1) return fail(Errc::AlreadyExists, "the port is in use");
    port = wanted;
    return {};
  }

  Result<void> set_mark(std::uint32_t mark) override {
    mark_ = mark;
    return {};
  }

  void set_mtu(unsigned /*mtu*/) override {}

  void set_local_addresses(std::vector<IpAddress> /*addresses*/) override {}

  std::vector<policy::DropRecord> filter_drops() const override { return {}; }

  void set_filter(std::shared_ptr<const policy::Filter> /*filter*/) override {}

  void set_forwarding(bool /*on*/) override {}

  tunnel::Facts facts() const override { return {}; }

  tunnel::CounterSnapshot counters() const override { return {}; }

  void observe(Observer /*observer*/) override {}

  std::uint16_t port = 51820;

 private:
  SeededRandom random_{1};
  FixedClock clock_;
  wg::Engine engine_{random_, clock_};
  std::uint32_t mark_ = 0;
};

class UapiDeviceTest : public ::testing::Test {
 protected:
  FakeTunnel tunnel;
  UapiDevice device{tunnel, [this](std::uint32_t mark) { return tunnel.set_mark(mark); }};
};

TEST_F(UapiDeviceTest, SetsAndGets) {
  const std::string set = "set=1\nprivate_key=" + std::string(64, '1') +
                          "\nlisten_port=7\nfwmark=9\npublic_key=" + std::string(kPeerKey) +
                          "\nendpoint=192.0.2.1:5\nallowed_ip=10.0.0.0/8\n\n";
  EXPECT_EQ(device.answer(set), "errno=0\n\n");
  const std::string state = device.answer("get=1\n\n");
  for (const std::string& line :
       {"private_key=" + std::string(64, '1'), std::string("listen_port=7"),
        std::string("fwmark=9"), "public_key=" + std::string(kPeerKey),
        std::string("endpoint=192.0.2.1:5"), std::string("allowed_ip=10.0.0.0/8")}) {
    EXPECT_THAT(state, HasSubstr(line + "\n"));
  }
  EXPECT_THAT(state, EndsWith("errno=0\n\n"));
}

TEST_F(UapiDeviceTest, AnswersErrorsAsWgReadsThem) {
  EXPECT_EQ(device.answer("set=1\nlisten_port=1\n\n"), "errno=-98\n\n") << "EADDRINUSE";
  EXPECT_EQ(device.answer("set=1\nunknown=1\n\n"), "errno=-22\n\n") << "EINVAL";
  EXPECT_EQ(device.answer("get=2\n\n"), "errno=-71\n\n") << "EPROTO";
  EXPECT_EQ(device.answer("set=1\npublic_key=" + std::string(kPeerKey) +
                          "\nendpoint=[fe80::1%no-such-if]:5\n\n"),
            "errno=-19\n\n")
      << "ENODEV";
  EXPECT_TRUE(tunnel.engine().peers().empty()) << "zones are checked before anything is changed";
}

class UapiServerTest : public UapiDeviceTest {
 public:
  UapiServerTest() {
    auto started = UapiServer::start(loop.get_executor(), path, device, tasks);
    EXPECT_TRUE(started) << started.error().detail;
    server = std::move(*started);
  }

  // Runs the loop until `task` has ended, then stops the server.
  void run(asio::awaitable<void> task) {
    io::spawn(loop.get_executor(), log, "test", finish(std::move(task)));
    loop.run();
  }

  asio::awaitable<void> finish(asio::awaitable<void> task) {
    co_await std::move(task);
    server->close();
    tasks.cancel();
    co_await tasks.wait();
  }

  asio::awaitable<std::shared_ptr<Socket>> connect() {
    auto socket = std::make_shared<Socket>(loop);
    const auto [error] = co_await socket->async_connect(
        asio::local::stream_protocol::endpoint(path), asio::as_tuple(asio::use_awaitable));
    EXPECT_FALSE(error);
    co_return socket;
  }

  // What comes back, up to the end of an answer or of the connection.
  static asio::awaitable<std::string> ask(std::shared_ptr<Socket> socket, std::string request) {
    constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
    std::string answer;
    co_await asio::async_write(*socket, asio::buffer(request), kAwait);
    co_await asio::async_read_until(*socket, asio::dynamic_buffer(answer), "\n\n", kAwait);
    co_return answer;
  }

  TemporaryDirectory directory;
  std::string path = uapi_socket_path(directory.path() + "/wireguard", "wg0");
  Log log = Log::nowhere();
  asio::io_context loop{1};
  io::Tasks tasks{loop.get_executor(), log};
  std::unique_ptr<UapiServer> server;
};

asio::awaitable<void> several_requests(UapiServerTest* test);
asio::awaitable<void> too_large(UapiServerTest* test);
asio::awaitable<void> too_many_clients(UapiServerTest* test);

TEST_F(UapiServerTest, ServesSeveralRequestsOnOneConnection) {
  namespace fs = std::filesystem;
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(fs::path(path).parent_path()).permissions(), fs::perms::owner_all);
  run(several_requests(this));
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(UapiServerTest, ClosesAClientThatSendsTooMuch) {
  run(too_large(this));
}

TEST_F(UapiServerTest, RefusesMoreClientsThanItsBound) {
  run(too_many_clients(this));
  EXPECT_EQ(server->refused(), 1U);
}

asio::awaitable<void> several_requests(UapiServerTest* test) {
  const auto socket = co_await test->connect();
  EXPECT_THAT(co_await UapiServerTest::ask(socket, "get=1\n\n"), StartsWith("listen_port=51820\n"));
  EXPECT_EQ(co_await UapiServerTest::ask(socket, "set=1\nlisten_port=7\n\n"), "errno=0\n\n");
  EXPECT_EQ(co_await UapiServerTest::ask(socket, "nonsense\n\n"), "errno=-71\n\n");
  const std::string two =
      co_await UapiServerTest::ask(socket, "set=1\nfwmark=3\n\nset=1\nfwmark=4\n\n");
  EXPECT_THAT(two, StartsWith("errno=0\n\n"));
}

asio::awaitable<void> too_large(UapiServerTest* test) {
  const auto socket = co_await test->connect();
  EXPECT_EQ(co_await UapiServerTest::ask(socket, std::string(2 * uapi::kMaxRequestSize, 'x')), "");
}

asio::awaitable<void> too_many_clients(UapiServerTest* test) {
  std::vector<std::shared_ptr<Socket>> sockets;
  sockets.reserve(UapiServer::kMaxClients);
  for (std::size_t i = 0; i < UapiServer::kMaxClients; ++i) {
    sockets.push_back(co_await test->connect());
  }
  EXPECT_THAT(co_await UapiServerTest::ask(sockets.back(), "get=1\n\n"), EndsWith("errno=0\n\n"));
  const auto extra = co_await test->connect();
  EXPECT_EQ(co_await UapiServerTest::ask(extra, "get=1\n\n"), "");
}

}  // namespace
}  // namespace warren::plain
