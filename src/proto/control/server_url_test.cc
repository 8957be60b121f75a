#include "proto/control/server_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::control {
namespace {

using ::testing::HasSubstr;

TEST(ServerUrl, HasTheLegsAndPortsOfStockClients) {
  struct Case {
    std::string_view url;
    Leg preferred;
    std::string host;
    std::optional<std::uint16_t> plain;
    std::optional<std::uint16_t> tls;
    std::string authority;
  };

  // The table of the specification (control, section 2.1).
  const Case cases[] = {
      {"https://h.example", Leg::Tls, "h.example", 80, 443, "h.example"},
      {"https://h.example:8443", Leg::Tls, "h.example", 80, 8443, "h.example:8443"},
      {"https://h.example:443", Leg::Tls, "h.example", 80, 443, "h.example"},
      {"http://h.example", Leg::Plain, "h.example", 80, 443, "h.example"},
      {"http://h.example:8080", Leg::Plain, "h.example", 8080, 443, "h.example:8080"},
      {"http://127.0.0.1:8080", Leg::Plain, "127.0.0.1", 8080, {}, "127.0.0.1:8080"},
      {"http://localhost", Leg::Plain, "localhost", 80, {}, "localhost"},
      {"http://172.31.0.1", Leg::Plain, "172.31.0.1", 80, {}, "172.31.0.1"},
      {"http://[fd00::1]:81", Leg::Plain, "fd00::1", 81, {}, "[fd00::1]:81"},
      {"http://172.32.0.1", Leg::Plain, "172.32.0.1", 80, 443, "172.32.0.1"},
      {"http://100.64.0.1", Leg::Plain, "100.64.0.1", 80, 443, "100.64.0.1"},
      {"HTTPS://H.Example//", Leg::Tls, "h.example", 80, 443, "h.example"},
      {"https://[2001:db8::1]", Leg::Tls, "2001:db8::1", 80, 443, "[2001:db8::1]"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.url);
    const auto url = parse_server_url(each.url);
    ASSERT_TRUE(url) << url.error().detail;
    EXPECT_EQ(*url, (ServerUrl{each.preferred, each.host, each.plain, each.tls}));
    EXPECT_EQ(url->authority(), each.authority);
    EXPECT_EQ(parse_server_url(url->text()), url);
  }
}

TEST(ServerUrl, SaysWhatAnAddressLooksLike) {
  for (const std::string_view text :
       {"", "warren.example.org", "ftp://h", "https://", "https:///", "https://h:0", "https://h:",
        "https://h:65536", "https://h:8x", "https://user@h", "https://h?x", "https://[::1",
        "https://[1.2.3.4]", "https://a b", "https://h\r\n", "https://2001:db8::1"}) {
    SCOPED_TRACE(text);
    const auto url = parse_server_url(text);
    ASSERT_FALSE(url);
    EXPECT_THAT(url.error().detail, HasSubstr("https://warren.example.org"));
  }
  const auto with_path = parse_server_url("https://h/warren");
  ASSERT_FALSE(with_path);
  EXPECT_THAT(with_path.error().detail, HasSubstr("path"));
}

}  // namespace
}  // namespace warren::control
