#include "plain/network_plan.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::plain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

IpPrefix prefix(std::string_view text) {
  return *IpPrefix::parse(text);
}

wgquick::Config config_with(std::string_view interface, std::string_view allowed_ips) {
  const std::string text =
      "[Interface]\nPrivateKey = oK56DE9Ue9zK76rAc8pBl6opph+1v36lm7cXXsQKrQM=\n" +
      std::string(interface) +
      "\n[Peer]\nPublicKey = GtL7fZc/bLnqZldpVofMCD6hDjrK28SsdLxevJ+qtKU=\nAllowedIPs = " +
      std::string(allowed_ips);
  auto config = wgquick::parse_config(text);
  EXPECT_TRUE(config) << config.error().detail;
  return std::move(*config);
}

TEST(NetworkPlan, RoutesAllowedIpsThatNoAddressCovers) {
  const auto plan = plan_network(config_with("Address = 10.0.0.1/24, fd00::1/64",
                                             "10.0.0.2, 10.1.0.0/16, fd00::/64, fd00::/48, "
                                             "10.1.0.0/16, 10.0.0.0/23"),
                                 "");
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->routes, ElementsAre(DeviceRoute{prefix("10.0.0.0/23"), kMainTable},
                                        DeviceRoute{prefix("10.1.0.0/16"), kMainTable},
                                        DeviceRoute{prefix("fd00::/48"), kMainTable}));
  EXPECT_EQ(plan->mtu, 1420U);
  EXPECT_EQ(plan->mark, 0U);
  EXPECT_FALSE(plan->default_v4 || plan->default_v6);
  EXPECT_THAT(rules_of_slot(0, *plan), IsEmpty());
}

TEST(NetworkPlan, TakesADefaultRouteByPolicy) {
  const auto plan = plan_network(config_with("MTU = 1280", "0.0.0.0/0, 10.0.0.0/8"), "");
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->default_v4);
  EXPECT_FALSE(plan->default_v6);
  EXPECT_EQ(plan->mtu, 1280U);
  EXPECT_THAT(plan->routes, ElementsAre(DeviceRoute{prefix("10.0.0.0/8"), kMainTable}));
  EXPECT_THAT(rules_of_slot(2, *plan),
              ElementsAre(PolicyRule{false, 5444, kMainTable, false, 0, 0, 0},
                          PolicyRule{false, 5445, 5445, true, 0x80000, 0xFF0000, {}}));
}

TEST(NetworkPlan, UsesTheMarkOfTheFileWhole) {
  const auto plan = plan_network(config_with("FwMark = 51820", "::/0"), "");
  ASSERT_TRUE(plan);
  EXPECT_THAT(rules_of_slot(0, *plan),
              ElementsAre(PolicyRule{true, 5440, kMainTable, false, 0, 0, 0},
                          PolicyRule{true, 5441, 5441, true, 51820, UINT32_MAX, {}}));
}

TEST(NetworkPlan, PutsAllRoutesIntoANumberedTable) {
  const auto plan =
      plan_network(config_with("Address = 10.0.0.1/8\nTable = 1234", "0.0.0.0/0, 10.0.0.2"), "");
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->default_v4);
  EXPECT_THAT(plan->routes, ElementsAre(DeviceRoute{prefix("0.0.0.0/0"), 1234},
                                        DeviceRoute{prefix("10.0.0.2/32"), 1234}));
}

TEST(NetworkPlan, RoutesNothingWithTableOff) {
  const auto plan = plan_network(config_with("Table = off", "0.0.0.0/0, 10.0.0.0/8"), "");
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->routes, IsEmpty());
  EXPECT_FALSE(plan->default_v4);
  EXPECT_EQ(plan->mark, 0U);
}

TEST(NetworkPlan, LooksTablesUpByName) {
  constexpr std::string_view kTables = "# reserved\n255\tlocal\n254 main\n 53  vpn # ours\nx y\n";
  EXPECT_EQ(find_route_table(kTables, "vpn"), 53U);
  EXPECT_EQ(find_route_table("", "main"), kMainTable);
  EXPECT_EQ(find_route_table(kTables, "v"), std::nullopt);
  const auto plan = plan_network(config_with("Table = vpn", "10.0.0.0/8"), kTables);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->routes, ElementsAre(DeviceRoute{prefix("10.0.0.0/8"), 53}));
  EXPECT_THAT(plan_network(config_with("Table = lost", "10.0.0.0/8"), kTables).error().detail,
              HasSubstr("write the table's number"));
}

}  // namespace
}  // namespace warren::plain
