#include "main/server/public_address.h"

#include <gtest/gtest.h>

namespace warren::server {
namespace {

TEST(PublicAddress, IsOneOfHttps) {
  Config config;
  config.url = "https://warren.example.org:8443/";
  const auto address = public_address(config);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->text(), "https://warren.example.org:8443");
  config.url = "http://warren.example.org";
  EXPECT_FALSE(public_address(config));
}

TEST(PublicAddress, ARelayAtAnAddressIsNotLookedUp) {
  Config config;
  config.url = "https://203.0.113.10";
  const auto address = public_address(config);
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
