#include "relay/http_pages.h"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "io/http_response.h"
#include "relay/service.h"

namespace warren::relay {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

io::HttpRequest request(std::string method,
                        std::string target,
                        std::vector<std::pair<std::string, std::string>> fields = {}) {
  return {.method = std::move(method),
          .target = std::move(target),
          .is_http_1_1 = true,
          .fields = std::move(fields)};
}

// What a listener sends. Nothing here reaches the service: its routes are pages.
std::string answer_page(const io::HttpRequest& request) {
  io::HttpRoutes routes;
  boost::asio::io_context loop;
  SystemRandom random;
  Service service(loop.get_executor(), RelayPrivateKey::generate(random), {}, random,
                  Log::nowhere());
  add_routes(routes, service);
  const auto found = routes.find(request.path(), true);
  return io::fit_response((*found.page)(request, Endpoint()), request, !request.keeps_alive());
}

TEST(HttpPages, AnswersLatencyProbesForAnyOrigin) {
  for (const std::string path : {"/derp/probe", "/derp/latency-check"}) {
    for (const std::string method : {"GET", "HEAD"}) {
      EXPECT_EQ(answer_page(request(method, path)),
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n");
    }
    EXPECT_THAT(answer_page(request("POST", path)), StartsWith("HTTP/1.1 405 "));
  }
}

TEST(HttpPages, AnswersACaptivePortalChallengeThatItCanRepeat) {
  EXPECT_THAT(answer_page(request("GET", "/generate_204?t=1",
                                  {{"X-Tailscale-Challenge", "ts_derp1.example.org"}})),
              AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("Cache-Control: no-cache, no-store"),
                    HasSubstr("X-Tailscale-Response: response ts_derp1.example.org\r\n"),
                    Not(HasSubstr("Content-Length")), EndsWith("\r\n\r\n")));
  for (const std::string& bad : {std::string("a b"), std::string("a\r\nb"), std::string(65, 'a'),
                                 std::string("<x>"), std::string()}) {
    EXPECT_THAT(answer_page(request("GET", "/generate_204", {{"X-Tailscale-Challenge", bad}})),
                Not(HasSubstr("X-Tailscale-Response")));
  }
}

TEST(HttpPages, HasAPageForPeopleAndNoneForRobots) {
  EXPECT_THAT(answer_page(request("GET", "/")), HasSubstr("Warren relay"));
  EXPECT_THAT(answer_page(request("HEAD", "/")), EndsWith("\r\n\r\n"));
  EXPECT_THAT(answer_page(request("GET", "/robots.txt")), EndsWith("Disallow: /\n"));
  EXPECT_THAT(answer_page(request("GET", "/x")), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer_page(request("PUT", "/")), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer_page(request("GET", "/", {{"Connection", "close"}})),
              HasSubstr("Connection: close\r\n"));
}

TEST(HttpPages, TellsUpgradesApart) {
  const auto upgrade = [](std::vector<std::pair<std::string, std::string>> fields) {
    return upgrade_of(request("GET", "/derp", std::move(fields)));
  };
  EXPECT_EQ(upgrade({{"Upgrade", "DERP"}}), Upgrade::Plain);
  EXPECT_EQ(upgrade({{"upgrade", "derp"}, {"Derp-Fast-Start", "1"}}), Upgrade::FastStart);
  EXPECT_EQ(upgrade({{"Upgrade", "WebSocket"}}), Upgrade::Plain);
  EXPECT_EQ(upgrade({{"Upgrade", "websocket"}, {"Sec-WebSocket-Protocol", "derp"}}), Upgrade::None);
  EXPECT_EQ(upgrade({}), Upgrade::None);
  EXPECT_EQ(upgrade({{"Upgrade", "h2c"}}), Upgrade::None);
  EXPECT_EQ(upgrade_of(request("POST", "/derp", {{"Upgrade", "DERP"}})), Upgrade::None);
}

// The form of a recorded answer (golden/control/derp.jsonl.gz, run "testcontrol"; spec: paths 2.1).
TEST(HttpPages, SwitchesProtocolsUnderItsKey) {
  EXPECT_EQ(switching_protocols(RelayPublicKey()),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"
            "Derp-Version: 2\r\nDerp-Public-Key: " +
                std::string(64, '0') + "\r\n\r\n");
}

}  // namespace
}  // namespace warren::relay
