#include "main/server/public_address.h"

#include <gtest/gtest.h>

namespace warren::server {
namespace {

TEST(PublicAddress, TakesUrlsApart) {
  const std::pair<const char*, PublicAddress> cases[] = {
      {"https://warren.example.org", {"https://warren.example.org", "warren.example.org", 443}},
      {"https://warren.example.org/", {"https://warren.example.org", "warren.example.org", 443}},
      {"https://203.0.113.10:8443", {"https://203.0.113.10:8443", "203.0.113.10", 8443}},
      {"https://[2001:db8::1]", {"https://[2001:db8::1]", "2001:db8::1", 443}},
      {"https://[2001:db8::1]:444", {"https://[2001:db8::1]:444", "2001:db8::1", 444}},
  };
  for (const auto& [url, expected] : cases) {
    const auto address = parse_public_url(url);
    ASSERT_TRUE(address) << url;
    EXPECT_EQ(*address, expected) << url;
  }
}

TEST(PublicAddress, RefusesWhatIsNoUrl) {
  for (const char* const url :
       {"", "warren.example.org", "http://warren.example.org", "https://", "https://a b",
        "https://a/path", "https://a:0", "https://a:65536", "https://a:x", "https://[::1",
        "https://[zz]", "https://[::1]x"}) {
    EXPECT_FALSE(parse_public_url(url)) << url;
  }
}

TEST(PublicAddress, ARelayAtAnAddressIsNotLookedUp) {
  Config config;
  const auto address = parse_public_url("https://203.0.113.10");
  ASSERT_TRUE(address);
  const auto map = own_relay_map(config, *address, "ab12");
  ASSERT_EQ(map.regions->size(), 1U);
  const control::DerpNode& node = map.regions->begin()->second.nodes.front();
  EXPECT_EQ(node.ipv4, "203.0.113.10");
  EXPECT_EQ(node.ipv6, "none");
  EXPECT_EQ(node.cert_name, "sha256-raw:ab12");
  EXPECT_EQ(node.stun_port, 3478);
}

}  // namespace
}  // namespace warren::server
