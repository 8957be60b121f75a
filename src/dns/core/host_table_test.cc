#include "dns/core/host_table.h"

#include <gtest/gtest.h>

#include "dns/core/testing.h"

namespace warren::dns {
namespace {

using testing::host;
using testing::ip;
using testing::name;

TEST(HostTable, FindsByNameAndAddress) {
  HostTable hosts;
  testing::fill(hosts);
  EXPECT_EQ(hosts.size(), 4U);
  EXPECT_EQ(hosts.find_by_name(name("WEB.net.example").wire()), hosts.find({1}));
  EXPECT_EQ(hosts.find_by_address(ip("fd7a:115c:a1e0::2")), hosts.find({2}));
  EXPECT_EQ(hosts.find_by_name(name("net.example").wire()), nullptr);
  EXPECT_EQ(hosts.find_by_address(ip("100.64.0.77")), nullptr);
}

TEST(HostTable, ForgetsWhatAHostWas) {
  HostTable hosts;
  testing::fill(hosts);
  EXPECT_TRUE(hosts.put({1}, host("shop.net.example", {"100.64.0.11"})));
  EXPECT_EQ(hosts.find_by_name(name("web.net.example").wire()), nullptr);
  EXPECT_EQ(hosts.find_by_address(ip("100.64.0.1")), nullptr);
  EXPECT_EQ(hosts.find_by_name(name("shop.net.example").wire()), hosts.find({1}));
  hosts.remove({1});
  hosts.remove({1});
  EXPECT_EQ(hosts.find_by_address(ip("100.64.0.11")), nullptr);
  EXPECT_EQ(hosts.size(), 3U);
  hosts.clear();
  EXPECT_EQ(hosts.find_by_address(ip("100.64.0.3")), nullptr);
}

TEST(HostTable, GivesASharedNameToTheSmallestNumberWhoeverComesFirst) {
  HostTable hosts;
  hosts.put({9}, host("web.net.example", {"100.64.0.9"}));
  hosts.put({5}, host("web.net.example", {"100.64.0.9"}));
  EXPECT_EQ(hosts.find_by_name(name("web.net.example").wire()), hosts.find({5}));
  EXPECT_EQ(hosts.find_by_address(ip("100.64.0.9")), hosts.find({5}));
  hosts.remove({5});
  EXPECT_EQ(hosts.find_by_name(name("web.net.example").wire()), hosts.find({9}));
}

TEST(HostTable, RefusesWhatIsNoHost) {
  HostTable hosts;
  EXPECT_FALSE(hosts.put({1}, Host{.addresses = {ip("100.64.0.1")}}));
  Host many{.name = name("a")};
  for (std::uint8_t i = 0; i <= kMaxHostAddresses; ++i) {
    many.addresses.push_back(IpAddress::v4({100, 64, 0, i}));
  }
  EXPECT_FALSE(hosts.put({1}, many));
  EXPECT_EQ(hosts.refused(), 2U);
  EXPECT_EQ(hosts.size(), 0U);
}

}  // namespace
}  // namespace warren::dns
