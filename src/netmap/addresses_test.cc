#include "netmap/addresses.h"

#include <gtest/gtest.h>

namespace warren::netmap {
namespace {

IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(Addresses, CoverTheRangeOfStockClients) {
  EXPECT_EQ(nth_v4(1), address("100.64.0.1"));
  EXPECT_EQ(nth_v4(kAddressCount - 1), address("100.127.255.255"));
}

TEST(Addresses, LeaveOutWhatStockClientsKeep) {
  for (const auto* const text : {"100.64.0.0", "100.127.255.255", "100.100.100.100", "100.115.92.0",
                                 "100.115.93.255", "100.63.255.255", "100.128.0.1"}) {
    EXPECT_FALSE(may_be_leased(address(text))) << text;
  }
  for (const auto* const text :
       {"100.64.0.1", "100.115.91.255", "100.115.94.0", "100.127.255.254"}) {
    EXPECT_TRUE(may_be_leased(address(text))) << text;
  }
}

TEST(Addresses, PairEachWithItsOwnIpv6) {
  EXPECT_EQ(v6_of(address("100.64.0.1")), address("fd7a:115c:a1e0::6440:1"));
}

}  // namespace
}  // namespace warren::netmap
