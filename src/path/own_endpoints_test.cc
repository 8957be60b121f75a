#include "path/own_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "path/constants.h"

namespace warren::path {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint kStart{1000s};

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

LocalNetwork network(std::initializer_list<std::string_view> addresses) {
  LocalNetwork out{
      .addresses = {}, .default_v4 = 2, .default_v6 = 2, .port_v4 = 41641, .port_v6 = 41642};
  for (const std::string_view address : addresses)
    out.addresses.push_back({.address = IpAddress::parse(address).value(), .interface = 2});
  return out;
}

TEST(OwnEndpoints, ListsPublicOnesFirst) {
  OwnEndpoints own;
  own.set_network(network({"192.168.1.7", "2001:db8::7"}), false);
  EXPECT_TRUE(own.observe(endpoint("[2001:db8::7]:41642"), kStart));
  EXPECT_TRUE(own.observe(endpoint("203.0.113.5:7777"), kStart));
  EXPECT_THAT(own.list(kStart),
              ElementsAre(endpoint("203.0.113.5:7777"), endpoint("[2001:db8::7]:41642"),
                          endpoint("192.168.1.7:41641")));
}

TEST(OwnEndpoints, ListsCarrierAddressesButNoLinkLocalOnes) {
  OwnEndpoints own;
  own.set_network(network({"100.64.3.2", "169.254.1.1", "fe80::1", "127.0.0.1"}), false);
  EXPECT_THAT(own.list(kStart), ElementsAre(endpoint("100.64.3.2:41641")));
}

TEST(OwnEndpoints, ListsTwoAddressesOfAnIpv6Prefix) {
  OwnEndpoints own;
  own.set_network(network({"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"}), false);
  EXPECT_EQ(own.list(kStart).size(), 3);
}

TEST(OwnEndpoints, PutsWhatIsSeenMostFirst) {
  OwnEndpoints own;
  own.observe(endpoint("203.0.113.5:1"), kStart);
  own.observe(endpoint("203.0.113.5:2"), kStart);
  EXPECT_FALSE(own.observe(endpoint("203.0.113.5:1"), kStart));
  EXPECT_THAT(own.observed(false, kStart),
              ElementsAre(endpoint("203.0.113.5:1"), endpoint("203.0.113.5:2")));
}

TEST(OwnEndpoints, ForgetsWhatIsNotConfirmed) {
  OwnEndpoints own;
  own.observe(endpoint("203.0.113.5:1"), kStart);
  EXPECT_THAT(own.list(kStart + kObservedFor + 1ns), IsEmpty());
}

TEST(OwnEndpoints, ForgetsTheOldNetwork) {
  OwnEndpoints own;
  own.observe(endpoint("203.0.113.5:1"), kStart);
  own.set_network(network({"192.168.1.7"}), true);
  EXPECT_EQ(own.list(kStart).size(), 2);
  own.set_network(network({"192.168.1.7"}), false);
  EXPECT_EQ(own.list(kStart).size(), 1);
  EXPECT_FALSE(own.last_observed());
}

TEST(OwnEndpoints, StaysBounded) {
  OwnEndpoints own;
  for (std::uint16_t port = 1; port < 1000; ++port)
    own.observe({.address = IpAddress::v4({203, 0, 113, 5}), .port = port}, kStart);
  EXPECT_EQ(own.size(), kMaxObserved);
}

}  // namespace
}  // namespace warren::path
