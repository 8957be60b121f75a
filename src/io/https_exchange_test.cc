#include "io/https_exchange.h"

#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "io/clock.h"
#include "io/http_response.h"
#include "io/listener.h"
#include "io/spawn.h"

// Our own listener at the other end, on the same loop.
namespace warren::io {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

class HttpsExchange : public testing::Test {
 protected:
  HttpsExchange()
      : certificate_(
            TlsCertificate::make_self_signed({"127.0.0.1"}, SystemWallClock().now()).value()),
        server_(TlsServerContext::create(certificate_).value()),
        client_(TlsContext::create().value()) {
    auto routes = std::make_shared<HttpRoutes>();
    routes->page("/page", [](const HttpRequest& request, const Endpoint&) {
      return http_response(200, "text/plain", request.method + " " + *request.find("Host"),
                           {{"Replay-Nonce", "n1"}});
    });
    routes->page("/large", [](const HttpRequest&, const Endpoint&) {
      return http_response(200, "text/plain", std::string(100'000, 'x'));
    });
    listener_ = Listener::listen(loop_.get_executor(), {*IpAddress::parse("127.0.0.1"), 0},
                                 ListenerKind::Tls, &server_, {}, routes, random_, Log::nowhere())
                    .value();
  }

  void trust() { ASSERT_TRUE(client_.trust(certificate_.to_pem())); }

  Result<HttpAnswer> ask(const std::string& method, const std::string& target) {
    HttpsRequest request;
    request.host = "127.0.0.1";
    request.port = listener_->endpoint().port;
    request.method = method;
    request.target = target;
    spawn(loop_.get_executor(), Log::nowhere(), "ask", run(this, std::move(request)));
    loop_.restart();
    loop_.run();
    return std::move(answer_).value();
  }

 private:
  static asio::awaitable<void> run(HttpsExchange* test, HttpsRequest request) {
    test->answer_ = co_await https_exchange(test->lookups_, test->client_, std::move(request),
                                            boot_now() + 10s);
    test->loop_.stop();
  }

  TlsCertificate certificate_;
  TlsServerContext server_;
  TlsContext client_;
  SystemRandom random_;
  asio::io_context loop_{1};
  BlockingPool lookups_{1, 1};
  std::unique_ptr<Listener> listener_;
  std::optional<Result<HttpAnswer>> answer_;
};

TEST_F(HttpsExchange, BringsTheAnswerOfAServerWhoseAuthorityItTrusts) {
  trust();
  const auto answer = ask("POST", "/page");
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 200U);
  EXPECT_THAT(answer->body, HasSubstr("POST 127.0.0.1:"));
  EXPECT_EQ(*answer->find("replay-nonce"), "n1");
}

TEST_F(HttpsExchange, AHeadHasNoBody) {
  trust();
  const auto answer = ask("HEAD", "/page");
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(*answer->find("replay-nonce"), "n1");
}

TEST_F(HttpsExchange, RefusesStrangersAndTooMuch) {
  const auto stranger = ask("GET", "/page");
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().detail, HasSubstr("self"));
  trust();
  const auto large = ask("GET", "/large");
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().detail, HasSubstr("too much"));
}

}  // namespace
}  // namespace warren::io
