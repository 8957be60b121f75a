#include "io/http_request.h"

#include <gtest/gtest.h>

namespace warren::io {
namespace {

// As a stock client sends it (golden/control/derp.jsonl.gz, run "headscale").
constexpr std::string_view kStock =
    "GET /derp HTTP/1.1\r\nHost: derp1.example.org\r\nUser-Agent: Go-http-client/1.1\r\n"
    "Connection: Upgrade\r\nDerp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n";

TEST(HttpRequest, ReadsAStockUpgradeAndLeavesWhatFollows) {
  const std::string bytes = std::string(kStock) + std::string("\x02\x00\x00\x00\x68 and more", 14);
  const auto head = parse_http_request(as_bytes(bytes));
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->size, kStock.size());
  const HttpRequest& request = (*head)->request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/derp");
  EXPECT_TRUE(request.is_http_1_1);
  ASSERT_NE(request.find("derp-fast-start"), nullptr);
  EXPECT_EQ(*request.find("derp-fast-start"), "1");
  EXPECT_TRUE(request.has_token("upgrade", "derp"));
  EXPECT_TRUE(request.has_token("connection", "upgrade"));
  EXPECT_EQ(request.find("Ideal-Node"), nullptr);
}

TEST(HttpRequest, WaitsForTheRestOfAHead) {
  for (std::size_t size = 0; size < kStock.size(); ++size) {
    const auto head = parse_http_request(as_bytes(kStock.substr(0, size)));
    ASSERT_TRUE(head) << size;
    EXPECT_FALSE(*head) << size;
  }
}

TEST(HttpRequest, RefusesWhatIsNoRequestOrTooLong) {
  const std::string_view bad[] = {"\x16\x03\x01\x02", "GET\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
                                  "GET / HTTP/1.1\r\nA b: c\r\n\r\n", "\r\n\r\n\r\n"};
  for (const std::string_view text : bad) {
    EXPECT_FALSE(parse_http_request(as_bytes(text))) << text;
  }
  const std::string endless = "GET / HTTP/1.1\r\nA: " + std::string(kMaxHttpHead, 'x');
  EXPECT_EQ(parse_http_request(as_bytes(endless)).error(), DecodeError::BadLength);
  const std::string many(kMaxHttpHead, 'G');
  EXPECT_FALSE(parse_http_request(as_bytes(many)));
}

TEST(HttpRequest, KnowsWhetherAnotherMayFollow) {
  const auto keeps = [](std::string_view text) {
    return parse_http_request(as_bytes(text)).value().value().request.keeps_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(keeps("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"));
  EXPECT_FALSE(keeps("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(HttpRequest, SeparatesPathAndQuery) {
  HttpRequest request;
  request.target = "/generate_204?t=1";
  EXPECT_EQ(request.path(), "/generate_204");
  request.target = "/";
  EXPECT_EQ(request.path(), "/");
}

}  // namespace
}  // namespace warren::io
