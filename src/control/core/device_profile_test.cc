#include "control/core/device_profile.h"

#include <gtest/gtest.h>

#include "netmap/testing.h"

namespace warren::control {
namespace {

using netmap::testing::numbered_key;

Result<DeviceProfile> profile(std::string_view url) {
  netmap::Node hub;
  hub.v4 = IpAddress::parse("100.64.0.1").value();
  hub.key = numbered_key<NodePublicKey>(1);
  netmap::Node device;
  device.v4 = IpAddress::parse("100.64.0.2").value();
  return make_profile(device, hub, url, 41641, "home.internal");
}

TEST(DeviceProfile, NamesTheServersHost) {
  EXPECT_EQ(profile("https://vpn.example")->endpoint, "vpn.example:41641");
  EXPECT_EQ(profile("https://vpn.example:8443/x")->endpoint, "vpn.example:41641");
  EXPECT_EQ(profile("http://192.0.2.1")->endpoint, "192.0.2.1:41641");
  EXPECT_EQ(profile("http://[2001:db8::1]:80")->endpoint, "[2001:db8::1]:41641");
  EXPECT_FALSE(profile(""));
  EXPECT_FALSE(profile("https://"));
}

TEST(DeviceProfile, HoldsAllThatIsNotSecret) {
  EXPECT_EQ(to_json(profile("https://vpn.example").value()),
            R"({"hub_key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",)"
            R"("endpoint":"vpn.example:41641",)"
            R"("addresses":["100.64.0.2/32","fd7a:115c:a1e0::6440:2/128"],)"
            R"("dns":"100.64.0.1","search":"home.internal",)"
            R"("allowed_ips":["100.64.0.0/10","fd7a:115c:a1e0::/48"],"keepalive":25,"mtu":1280})");
}

}  // namespace
}  // namespace warren::control
