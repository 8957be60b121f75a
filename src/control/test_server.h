#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "control/server.h"
#include "control/test_machine.h"
#include "db/testing.h"
#include "io/clock.h"
#include "io/listener.h"
#include "netmap/testing.h"

// Test support: a coordination server on a loopback port, and machines, all on the loop of the
// test, which runs it until something has come true.
namespace warren::control::testing {

class FixedClock final : public WallClock {
 public:
  WallTime now() const override { return netmap::testing::kNow; }
};

class TestServer {
 public:
  explicit TestServer(const std::string& directory, const ServerOptions& options = defaults()) {
    ServerOptions all = options;
    all.state_directory = directory;
    SeededRandom key_source(99);  // the same after a restart
    auto started = Server::start(loop.get_executor(), MachinePrivateKey::generate(key_source), all,
                                 random, clock, Log::nowhere());
    WARREN_CHECK(started.has_value());
    server = std::move(*started);
    server->on_members([this](Server::Members now) { members = std::move(now); });
    const auto routes = std::make_shared<io::HttpRoutes>();
    server->add_routes(*routes);
    io::ListenerOptions limits;
    limits.pending = limits.pending_per_prefix = limits.prefix_burst = 10'000;
    auto listening = io::Listener::listen(loop.get_executor(), *Endpoint::parse("127.0.0.1:0"),
                                          io::ListenerKind::Pages, nullptr, limits, routes, random,
                                          Log::nowhere());
    WARREN_CHECK(listening.has_value());
    listener = std::move(*listening);
  }

  ~TestServer() {
    stop();
    machines.clear();
    loop.poll();
  }

  static ServerOptions defaults() {
    ServerOptions options;
    options.engine.url = "https://warren.example";
    options.engine.domain = "home.internal";
    options.program = "test";
    options.limits.strangers_per_source = 10'000;
    return options;
  }

  // Runs the loop until `condition` is true; gives up after a while.
  template <class Condition>
  [[nodiscard]] bool until(Condition condition) {
    const TimePoint deadline = io::boot_now() + 60s;
    while (!condition()) {
      if (io::boot_now() > deadline) return false;
      loop.restart();
      loop.run_one_for(100ms);
    }
    return true;
  }

  TestMachine& connect() {
    return machines.emplace_back(loop.get_executor(), listener->endpoint(), server->public_key(),
                                 random);
  }

  TestMachine& connected() {
    TestMachine& out = connect();
    EXPECT_TRUE(until([&] { return out.is_open(); }));
    return out;
  }

  TestMachine::Answer ask(TestMachine& machine, std::string_view path, std::string body) {
    const auto stream = machine.post(path, std::move(body));
    EXPECT_TRUE(until([&] { return machine.answer(stream).is_over || machine.is_closed(); }));
    return machine.answer(stream);
  }

  // Sends it as it is and returns everything that comes until the connection is closed.
  std::string exchange(std::string_view request) {
    boost::asio::ip::tcp::socket socket(loop);
    socket.connect({boost::asio::ip::make_address_v4("127.0.0.1"), listener->endpoint().port});
    std::string out;
    bool is_over = false;
    std::array<char, 4096> buffer{};
    std::function<void(boost::system::error_code, std::size_t)> on_read =
        [&](boost::system::error_code error, std::size_t size) {
          out.append(buffer.data(), size);
          is_over = static_cast<bool>(error);
          if (!is_over) socket.async_read_some(boost::asio::buffer(buffer), on_read);
        };
    socket.send(boost::asio::buffer(request));
    socket.async_read_some(boost::asio::buffer(buffer), on_read);
    EXPECT_TRUE(until([&] { return is_over; }));
    return out;
  }

  struct AdminAnswer {
    unsigned status = 0;
    std::string json;
  };

  AdminAnswer admin(std::string method, std::string path, std::string body = {}) {
    AdminAnswer out;
    server->admin(std::move(method), "/api/warren/v1/" + path, std::move(body),
                  [&](unsigned status, std::string json) {
                    out = {.status = status, .json = std::move(json)};
                  });
    EXPECT_TRUE(until([&] { return out.status != 0; }));
    return out;
  }

  // A key of the user "ann", who is there afterwards.
  std::string auth_key(bool is_reusable = false) {
    admin("POST", "users", R"({"login":"ann"})");
    const AdminAnswer made = admin(
        "POST", "keys", is_reusable ? R"({"user":"ann","reusable":true})" : R"({"user":"ann"})");
    return std::string(boost::json::parse(made.json).at("key").as_string());
  }

  void stop() {
    if (!server) return;
    bool is_done = false;
    boost::asio::co_spawn(loop, stop_both(this, &is_done), boost::asio::detached);
    EXPECT_TRUE(until([&] { return is_done; }));
    server.reset();
    listener.reset();
  }

  boost::asio::io_context loop{1};
  SeededRandom random{1};
  FixedClock clock;
  std::unique_ptr<Server> server;
  std::unique_ptr<io::Listener> listener;
  std::list<TestMachine> machines;
  Server::Members members;

 private:
  static boost::asio::awaitable<void> stop_both(TestServer* self, bool* is_done) {
    self->listener->stop_accepting();
    co_await self->server->stop();
    co_await self->listener->stop();
    *is_done = true;
  }
};

}  // namespace warren::control::testing
