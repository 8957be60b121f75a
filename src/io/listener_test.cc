#include "io/listener.h"

#include <future>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "io/http_response.h"
#include "io/thread.h"

// Listeners of two kinds on a thread, and blocking clients on the test's. What they do to hostile
// clients is in relay/server_test.cc.
namespace warren::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Says what it was given, and ends the connection.
asio::awaitable<void> tell(HttpConnection connection) {
  std::string text = connection.source.address.to_string();
  text += connection.is_tls ? " tls " : " plain ";
  text += connection.request.target + " ";
  text.append(connection.received.begin(), connection.received.end());
  static_cast<void>(connection.stream->write(as_bytes(text)));
  connection.stream->finish();
  co_return;
}

std::string page(const HttpRequest& request, const Endpoint& source) {
  return http_response(200, "text/plain",
                       request.target + " from " + source.address.to_string() + "\n");
}

asio::awaitable<void> stop(Listener* listener, std::promise<void>* stopped) {
  co_await listener->stop();
  stopped->set_value();
}

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : guard_(loop_.get_executor()) {
    const auto routes = std::make_shared<HttpRoutes>();
    routes->take("/up", tell, HttpRoutes::Legs::TlsOnly);
    routes->take("/below/", tell);
    routes->page("/page", page);
    for (const ListenerKind kind : {ListenerKind::Plain, ListenerKind::Pages}) {
      listeners_.push_back(Listener::listen(loop_.get_executor(),
                                            {*IpAddress::parse("127.0.0.1"), 0}, kind, nullptr, {},
                                            routes, random_, Log::nowhere())
                               .value());
    }
    thread_.emplace(Thread::start("listener", [this](const EventFd&) { loop_.run(); }).value());
  }

  ~ListenerTest() override {
    for (const auto& listener : listeners_) {
      std::promise<void> stopped;
      asio::post(loop_, [&] {
        spawn(loop_.get_executor(), Log::nowhere(), "stop", stop(listener.get(), &stopped));
      });
      stopped.get_future().wait();
    }
    guard_.reset();
    thread_->join();
  }

  // All that is answered until the server closes.
  std::string ask(ListenerKind kind, const std::string& request) {
    asio::io_context own;
    tcp::socket socket(own);
    const Listener& listener = *listeners_[kind == ListenerKind::Plain ? 0 : 1];
    socket.connect({asio::ip::address_v4::loopback(), listener.endpoint().port});
    asio::write(socket, asio::buffer(request));
    std::string out;
    boost::system::error_code ignored;
    asio::read(socket, asio::dynamic_buffer(out), ignored);
    return out;
  }

 private:
  SystemRandom random_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::optional<Thread> thread_;  // last: it uses all of this
};

TEST_F(ListenerTest, HandsConnectionsOverWithTheirSourceAndWhatFollowsTheHead) {
  EXPECT_EQ(ask(ListenerKind::Plain, "GET /up?x HTTP/1.1\r\n\r\nrest"),
            "127.0.0.1 plain /up?x rest");
  EXPECT_EQ(ask(ListenerKind::Pages, "GET /below/it HTTP/1.1\r\n\r\n"),
            "127.0.0.1 plain /below/it ");
  EXPECT_THAT(ask(ListenerKind::Pages, "GET /up HTTP/1.1\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("\r\n\r\nnot found\n")));
}

TEST_F(ListenerTest, AnswersPagesAndSaysWhichIsTheLast) {
  EXPECT_EQ(ask(ListenerKind::Plain,
                "HEAD /page HTTP/1.1\r\n\r\nGET /page?a HTTP/1.1\r\nConnection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n"
            "Connection: close\r\n\r\n/page?a from 127.0.0.1\n");
}

TEST_F(ListenerTest, ARequestWithABodyIsTheLast) {
  EXPECT_THAT(ask(ListenerKind::Plain, "POST /page HTTP/1.1\r\nContent-Length: 1\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
}

}  // namespace
}  // namespace warren::io
