#include "io/http_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/http_response.h"

namespace warren::io {
namespace {

using testing::StartsWith;

HttpRoutes::Page page_saying(std::string text) {
  return [text = std::move(text)](const HttpRequest&, const Endpoint&) { return text; };
}

// What is found there: the page's text, or "taker".
std::string found(const HttpRoutes& routes, std::string_view path, bool is_pages_only = false) {
  const auto [taker, page] = routes.find(path, is_pages_only);
  return taker != nullptr ? "taker" : (*page)({}, {});
}

TEST(HttpRoutes, TheLongestPathThatFitsWins) {
  HttpRoutes routes;
  routes.page("/", page_saying("front"));
  routes.page("/a", page_saying("a"));
  routes.page("/a/", page_saying("below a"));
  routes.page("/a/b/c", page_saying("c"));
  routes.otherwise(page_saying("none"));
  EXPECT_EQ(found(routes, "/"), "front");
  EXPECT_EQ(found(routes, "/a"), "a");
  EXPECT_EQ(found(routes, "/a/"), "below a");
  EXPECT_EQ(found(routes, "/a/b"), "below a");
  EXPECT_EQ(found(routes, "/a/b/c"), "c");
  EXPECT_EQ(found(routes, "/a/b/c/"), "below a");
  for (const std::string_view unknown : {"/ab", "/b", "//", "", "*", "a"}) {
    EXPECT_EQ(found(routes, unknown), "none") << unknown;
  }
}

TEST(HttpRoutes, SaysNotFoundByItself) {
  EXPECT_THAT(found(HttpRoutes(), "/"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST(HttpRoutes, WhatIsForTlsOnlyIsAPageOrNothingWithout) {
  const auto taker = [](HttpConnection) -> boost::asio::awaitable<void> { co_return; };
  HttpRoutes routes;
  routes.take("/both", taker);
  routes.take("/tls", taker, HttpRoutes::Legs::TlsOnly);
  routes.take("/tls/page", taker, HttpRoutes::Legs::TlsOnly);
  routes.page("/tls/page", page_saying("page"));
  routes.otherwise(page_saying("none"));
  EXPECT_EQ(found(routes, "/both", true), "taker");
  EXPECT_EQ(found(routes, "/tls"), "taker");
  EXPECT_EQ(found(routes, "/tls", true), "none");
  EXPECT_EQ(found(routes, "/tls/page"), "taker");
  EXPECT_EQ(found(routes, "/tls/page", true), "page");
}

TEST(HttpRoutes, AHandlerThatIsRegisteredAgainReplacesTheEarlierOne) {
  HttpRoutes routes;
  routes.page("/", page_saying("old"));
  routes.page("/", page_saying("new"));
  EXPECT_EQ(found(routes, "/"), "new");
}

TEST(HttpResponse, HasItsLengthAndNoFieldsThatWouldEndALine) {
  EXPECT_EQ(http_response(200, "text/plain", "hi", {{"A", "b"}, {"C", "d\r\nE: f"}}),
            "HTTP/1.1 200 OK\r\nA: b\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(http_response(204, "", ""), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(http_response(299, "", ""), "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponse, FitsItsRequest) {
  const std::string response = http_response(200, "", "hi");
  HttpRequest request{.method = "GET", .target = "/", .is_http_1_1 = true, .fields = {}};
  EXPECT_EQ(fit_response(response, request, false), response);
  request.method = "HEAD";
  EXPECT_EQ(fit_response(response, request, true),
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  const std::string closing = http_response(426, "", "", {{"Connection", "Upgrade, close"}});
  EXPECT_EQ(fit_response(closing, request, true), closing);
}

}  // namespace
}  // namespace warren::io
