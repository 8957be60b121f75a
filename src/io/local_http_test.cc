#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <thread>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "io/local_http_client.h"
#include "io/local_http_server.h"
#include "io/thread.h"

// A server on a thread; our client, and ones that misbehave, on the test's.
namespace warren::io {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::local::stream_protocol;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

asio::awaitable<void> stop_server(LocalHttpServer* server, std::promise<void>* stopped) {
  co_await server->stop();
  stopped->set_value();
}

// Calls it as a user for whom permissions count.
template <class Function>
void as_nobody(Function function) {
  if (getuid() != 0) return function();
  std::thread([&] {
    constexpr uid_t kNobody = 65534;
    // The call itself: the library's function would change all threads.
    ASSERT_EQ(syscall(SYS_setresuid, kNobody, kNobody, kNobody), 0);
    function();
  }).join();
}

class LocalHttp : public testing::Test {
 protected:
  explicit LocalHttp(LocalHttpOptions options = {.hosts = {"local.sock"}, .fields = {{"X", "y"}}})
      : guard_(loop_.get_executor()) {
    std::string pattern = fs::temp_directory_path() / "local_http.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    fs::permissions(directory_, fs::perms(0755));
    path_ = directory_ / "it.sock";
    server_ = LocalHttpServer::listen(
                  loop_.get_executor(), path_, std::move(options),
                  [this](LocalRequest request, std::shared_ptr<LocalReply> reply) {
                    handle(request, std::move(reply));
                  },
                  Log::nowhere())
                  .value();
    thread_.emplace(Thread::start("local-http", [this](const EventFd&) { loop_.run(); }).value());
  }

  ~LocalHttp() override {
    stop();
    on_loop([this] {
      kept_.clear();
      server_.reset();
      return true;
    });
    guard_.reset();
    thread_->join();
    fs::remove_all(directory_);
  }

  void stop() {
    std::promise<void> stopped;
    asio::post(loop_, [&] {
      spawn(loop_.get_executor(), Log::nowhere(), "stop", stop_server(server_.get(), &stopped));
    });
    stopped.get_future().wait();
  }

  template <class Function>
  std::invoke_result_t<Function&> on_loop(Function function) {
    std::packaged_task<std::invoke_result_t<Function&>()> task(function);
    auto result = task.get_future();
    asio::post(loop_, std::move(task));
    return result.get();
  }

  // Until it is so on the loop; false after ten seconds.
  template <class Condition>
  bool wait_until(Condition condition) {
    const TimePoint deadline = boot_now() + 10s;
    while (boot_now() < deadline) {
      if (on_loop(condition)) return true;
      std::this_thread::yield();
    }
    return false;
  }

  LocalHttpCounters counters() {
    return on_loop([this] { return server_->counters(); });
  }

  std::size_t connections() {
    return on_loop([this] { return server_->connections(); });
  }

  Result<LocalResponse> get(const std::string& target, Duration timeout = 10s) {
    return call_local(path_, {.target = target, .timeout = timeout});
  }

  stream_protocol::socket connect() {
    stream_protocol::socket out(own_);
    out.connect(stream_protocol::endpoint(path_.string()));
    return out;
  }

  static std::string read_all(stream_protocol::socket& socket) {
    std::string out;
    boost::system::error_code ignored;
    asio::read(socket, asio::dynamic_buffer(out), ignored);
    return out;
  }

  // All that is answered until the server closes.
  std::string ask(const std::string& bytes) {
    auto socket = connect();
    boost::system::error_code ignored;  // it may close before it has read all
    asio::write(socket, asio::buffer(bytes), ignored);
    return read_all(socket);
  }

  fs::path directory_;
  fs::path path_;
  // --- loop
  std::unique_ptr<LocalHttpServer> server_;
  std::vector<std::shared_ptr<LocalReply>> kept_;
  int gone_ = 0;

 private:
  void handle(const LocalRequest& request, std::shared_ptr<LocalReply> reply) {
    if (request.path == "/echo") {
      std::string text = request.method + " " + request.body;
      for (const auto& [name, value] : request.query) text += " " + name + "=" + value;
      reply->finish({.body = text + fmt::format(" {}", request.peer.user)});
      reply->finish({.body = "again"});  // ignored
    } else if (request.path == "/large") {
      reply->finish({.body = std::string(5 << 20, 'x')});
    } else if (request.path == "/stream") {
      reply->begin(200, "text/plain");
      reply->write("one\ntw");
      reply->write("");
      reply->write("o\n\nlast");
      if (!request.query.contains("cut")) reply->end();
    } else if (request.path == "/large-stream") {
      reply->begin(200, "text/plain");
      EXPECT_TRUE(reply->write(std::string(5 << 20, 'x') + "\n"));
      EXPECT_TRUE(reply->write("more\n"));
      reply->end();
    } else if (request.path == "/denied") {
      reply->finish({.status = 403, .body = "not you\n"});
    } else if (request.path == "/flood") {
      reply->begin(200, "text/plain");
      while (reply->write(std::string(65536, 'x'))) {
      }
      reply->on_gone([this] { ++gone_; });
    } else if (request.path == "/keep") {
      reply->on_gone([this] { ++gone_; });
      if (request.query.contains("stream")) {
        reply->begin(200, "text/plain");
        reply->write("first\n");
      }
      kept_.push_back(std::move(reply));
    }
    // Otherwise it is dropped.
  }

  asio::io_context own_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::optional<Thread> thread_;  // last: it uses all of this
};

TEST_F(LocalHttp, AnswersCalls) {
  const auto answer =
      call_local(path_, {.method = "POST", .target = "/echo?b=1%202&a=x", .body = "{}"});
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200U);
  EXPECT_EQ(answer->content_type, "application/json");
  EXPECT_EQ(answer->body, fmt::format("POST {{}} a=x b=1 2 {}", getuid()));
  EXPECT_EQ(get("/large")->body.size(), std::size_t{5} << 20U);
  EXPECT_EQ(get("/dropped")->status, 500U);
  struct stat status{};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0666U);
}

TEST_F(LocalHttp, AnswersOneAfterAnotherOnAConnection) {
  EXPECT_EQ(ask("GET /echo HTTP/1.1\r\n\r\nHEAD /echo HTTP/1.1\r\nHost: local.sock\r\n\r\n"
                "POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\n!"),
            fmt::format("HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: application/json\r\n"
                        "Content-Length: {0}\r\n\r\nGET  {2}"
                        "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: application/json\r\n"
                        "Content-Length: {1}\r\n\r\n"
                        "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: application/json\r\n"
                        "Content-Length: {3}\r\nConnection: close\r\n\r\nPOST ! {2}",
                        5 + std::to_string(getuid()).size(), 6 + std::to_string(getuid()).size(),
                        getuid(), 7 + std::to_string(getuid()).size()));
  EXPECT_EQ(counters().accepted, 1U);
  EXPECT_EQ(counters().requests, 3U);
}

TEST_F(LocalHttp, AClientThatSendsNoMoreStillGetsItsAnswer) {
  auto socket = connect();
  asio::write(socket, asio::buffer(std::string_view("GET /keep HTTP/1.1\r\n\r\n")));
  socket.shutdown(stream_protocol::socket::shutdown_send);
  ASSERT_TRUE(wait_until([this] { return !kept_.empty(); }));
  on_loop([this] {
    kept_.front()->finish({.body = "late"});
    return true;
  });
  EXPECT_THAT(read_all(socket), EndsWith("\r\n\r\nlate"));
}

TEST_F(LocalHttp, RefusesWhatComesFromABrowserOrIsForAnotherHost) {
  for (const std::string field : {"Origin: http://x", "origin:", "Referer: http://local.sock/",
                                  "Host: evil.example", "Host: localhost:80",
                                  "Host: local.sock\r\n"
                                  "Host: evil.example"}) {
    EXPECT_THAT(ask("GET /echo HTTP/1.1\r\n" + field + "\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("Connection: close\r\n")))
        << field;
  }
  EXPECT_EQ(counters().forbidden, 6U);
  EXPECT_EQ(counters().requests, 0U);
  for (const std::string field : {"Host:", "Host: LocalHost", "Host: local.sock", "X: y"}) {
    EXPECT_THAT(ask("GET /echo HTTP/1.1\r\nConnection: close\r\n" + field + "\r\n\r\n"),
                StartsWith("HTTP/1.1 200 "))
        << field;
  }
}

TEST_F(LocalHttp, RefusesWhatIsTooLargeOrNoRequest) {
  const std::pair<std::string, std::string> cases[] = {
      {"GET /echo HTTP/1.1\r\nX: " + std::string(20000, 'x'), "HTTP/1.1 431 "},
      {"PUT /echo HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 413 "},
      {"PUT /echo HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n" + std::string(1 << 21, 'x'),
       "HTTP/1.1 413 "},
      {"PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 411 "},
      {"PUT /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /echo?a=%zz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
      {"GET http://localhost/echo HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
      {"\x16\x03\x01\r\n\r\n", "HTTP/1.1 400 "},
  };
  for (const auto& [bytes, answer] : cases) {
    EXPECT_THAT(ask(bytes), StartsWith(answer)) << bytes.substr(0, 80);
  }
  EXPECT_EQ(counters().bad_requests, std::size(cases));
  EXPECT_EQ(counters().requests, 0U);
  EXPECT_EQ(
      call_local(path_, {.method = "PUT", .target = "/echo", .body = std::string(9 << 20, 'x')})
          ->status,
      413U);
}

TEST_F(LocalHttp, SurvivesClientsThatGoInTheMiddle) {
  for (const std::string_view part :
       {"", "GET /ec", "PUT /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
        "GET /large HTTP/1.1\r\n\r\n"}) {
    auto socket = connect();
    asio::write(socket, asio::buffer(part));
  }
  EXPECT_TRUE(wait_until([this] { return server_->counters().accepted == 4; }));
  EXPECT_TRUE(wait_until([this] { return server_->connections() == 0; }));
  EXPECT_EQ(get("/echo")->status, 200U);
}

TEST_F(LocalHttp, StreamsLines) {
  std::vector<std::string> lines;
  const auto keep_line = [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  };
  EXPECT_TRUE(stream_local(path_, {.target = "/stream"}, keep_line));
  EXPECT_THAT(lines, ElementsAre("one", "two", "", "last"));
  lines.clear();
  EXPECT_TRUE(stream_local(path_, {.target = "/large-stream"}, keep_line));
  EXPECT_THAT(lines, ElementsAre(SizeIs(5 << 20), "more"));
  lines.clear();
  const auto cut = stream_local(path_, {.target = "/stream?cut"}, keep_line);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::Unavailable);
  const auto denied = stream_local(path_, {.target = "/denied"}, keep_line);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Errc::PermissionDenied);
  EXPECT_THAT(denied.error().detail, EndsWith("status 403: not you"));
  EXPECT_EQ(ask("GET /stream HTTP/1.0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
            "one\ntwo\n\nlast");
}

TEST_F(LocalHttp, TellsWhoStreamsThatTheClientIsGone) {
  const auto first_only = [](std::string_view line) {
    EXPECT_EQ(line, "first");
    return false;
  };
  EXPECT_TRUE(stream_local(path_, {.target = "/keep?stream", .timeout = kNoTimeout}, first_only));
  EXPECT_TRUE(wait_until([this] { return gone_ == 1 && server_->connections() == 0; }));
  EXPECT_FALSE(on_loop([this] { return kept_.front()->write("more\n"); }));
  // Whoever asks only now hears it too.
  on_loop([this] {
    kept_.front()->on_gone([this] { ++gone_; });
    return true;
  });
  EXPECT_TRUE(wait_until([this] { return gone_ == 2; }));
}

TEST_F(LocalHttp, CutsAStreamThatIsNotTaken) {
  auto socket = connect();
  asio::write(socket, asio::buffer(std::string_view("GET /flood HTTP/1.1\r\n\r\n")));
  EXPECT_TRUE(wait_until([this] { return gone_ == 1 && server_->connections() == 0; }));
  EXPECT_EQ(counters().slow_readers, 1U);
  EXPECT_LT(read_all(socket).size(), std::size_t{1} << 20U);
}

TEST_F(LocalHttp, StoppingEndsWhatWaits) {
  auto call = std::async(std::launch::async, [&] { return get("/keep"); });
  auto idle = connect();
  ASSERT_TRUE(wait_until([this] { return !kept_.empty() && server_->connections() == 2; }));
  stop();
  const auto answer = call.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::Unavailable);
  EXPECT_EQ(read_all(idle), "");
  EXPECT_EQ(on_loop([this] { return gone_; }), 1);
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(get("/echo").error().code, Errc::NotFound);
  on_loop([this] {  // outlives its connection
    kept_.front()->finish({});
    return true;
  });
}

TEST_F(LocalHttp, TheClientSaysWhyThereIsNoAnswer) {
  const auto late = get("/keep", 20ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::Timeout);
  EXPECT_EQ(stream_local(path_, {.target = "/keep?stream", .timeout = 20ms},
                         [](std::string_view) { return true; })
                .error()
                .code,
            Errc::Timeout);
  EXPECT_EQ(call_local(directory_ / "none", {.target = "/"}).error().code, Errc::NotFound);
  EXPECT_EQ(call_local(std::string(200, 'x'), {.target = "/"}).error().code, Errc::InvalidArgument);
  EXPECT_EQ(get("/a b").error().code, Errc::InvalidArgument);
  EXPECT_EQ(get("/a\r\nX: y").error().code, Errc::InvalidArgument);
  asio::io_context own;
  const fs::path stale = directory_ / "stale";
  stream_protocol::acceptor bound(own, stream_protocol());
  bound.bind(stream_protocol::endpoint(stale.string()));
  EXPECT_EQ(call_local(stale, {.target = "/"}).error().code, Errc::Unavailable);
  fs::permissions(path_, fs::perms::none);
  as_nobody([this] { EXPECT_EQ(get("/echo").error().code, Errc::PermissionDenied); });
}

class ImpatientLocalHttp : public LocalHttp {
 protected:
  ImpatientLocalHttp()
      : LocalHttp({.request_timeout = 50ms, .idle_timeout = 50ms, .write_timeout = 50ms}) {}
};

TEST_F(ImpatientLocalHttp, ClosesWhatStopsHalfwayOrStaysIdle) {
  EXPECT_EQ(ask(""), "");
  EXPECT_EQ(ask("GET /echo HTTP/1.1\r\n"), "");
  EXPECT_EQ(ask("PUT /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhalf"), "");
  EXPECT_THAT(ask("GET /echo HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(counters().timeouts, 4U);
  auto not_taken = connect();
  asio::write(not_taken, asio::buffer(std::string_view("GET /large HTTP/1.1\r\n\r\n")));
  EXPECT_TRUE(wait_until([this] { return server_->counters().timeouts == 5; }));
  EXPECT_TRUE(wait_until([this] { return server_->connections() == 0; }));
}

class CrowdedLocalHttp : public LocalHttp {
 protected:
  CrowdedLocalHttp() : LocalHttp({.max_connections = 8}) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
};

TEST_F(CrowdedLocalHttp, ServesNoMoreThanItMayOfAThousand) {
  std::vector<stream_protocol::socket> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(connect());
  EXPECT_TRUE(wait_until([this] {
    EXPECT_LE(server_->connections(), 8U);
    return server_->counters().accepted + server_->counters().refused == 1000;
  }));
  EXPECT_EQ(counters().accepted, 8U);
  EXPECT_THAT(read_all(clients.back()), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(get("/echo")->status, 503U);
  clients.clear();
  EXPECT_TRUE(wait_until([this] { return server_->connections() == 0; }));
  EXPECT_EQ(get("/echo")->status, 200U);
}

TEST_F(CrowdedLocalHttp, OneUserDoesNotKeepOutAnother) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  std::vector<stream_protocol::socket> clients;
  as_nobody([&] {
    for (int i = 0; i < 9; ++i) clients.push_back(connect());
  });
  EXPECT_THAT(get("/echo")->body, EndsWith(" 0"));
  EXPECT_EQ(read_all(clients.front()), "");
  EXPECT_THAT(read_all(clients.back()), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(counters().evicted, 1U);
  EXPECT_EQ(counters().refused, 1U);
}

}  // namespace
}  // namespace warren::io
