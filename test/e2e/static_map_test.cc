#include "e2e/static_map.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::e2e {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kKeys =
    R"("private_key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
       "disco_key": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=")";

std::string with_keys(std::string_view rest) {
  return fmt::format("{{{}{}{}}}", kKeys, rest.empty() ? "" : ", ", rest);
}

TEST(StaticMap, IsReadFromAFile) {
  const auto map = parse_static_map(with_keys(R"(
      "device": "test0", "addresses": ["10.7.0.1/24", "fd07::1/64"], "port": 41641, "mtu": 1400,
      "regions": [{"id": 901, "nodes": [{"host_name": "second"}]},
                  {"id": 900, "code": "lab", "nodes": [
                      {"host_name": "relay", "cert_name": "sha256-raw:00", "ipv4": "192.0.2.1",
                       "ipv6": "none", "relay_port": 8443, "stun_port": 3479}]}],
      "peers": [{"public_key": "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=",
                 "disco_key": "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=",
                 "allowed_ips": ["10.7.0.2/32"], "endpoints": ["192.0.2.9:1"], "home": 900}])"));
  ASSERT_TRUE(map) << map.error().detail;
  EXPECT_EQ(map->private_key.bytes()[0], 1);
  EXPECT_EQ(map->disco_key.bytes()[0], 2);
  EXPECT_EQ(map->device, "test0");
  EXPECT_THAT(map->addresses, ElementsAre(io::LinkAddress{0, *IpAddress::parse("10.7.0.1"), 24},
                                          io::LinkAddress{0, *IpAddress::parse("fd07::1"), 64}));
  EXPECT_EQ(map->port, 41641);
  EXPECT_EQ(map->mtu, 1400U);
  ASSERT_THAT(map->relays.regions, SizeIs(2));
  EXPECT_EQ(map->relays.regions[0], (relay::Region{.id = relay::RegionId{900},
                                                   .code = "lab",
                                                   .name = "",
                                                   .nodes = {{.name = "relay",
                                                              .host_name = "relay",
                                                              .cert_name = "sha256-raw:00",
                                                              .ipv4 = "192.0.2.1",
                                                              .ipv6 = "none",
                                                              .relay_port = 8443,
                                                              .stun_port = 3479}}}));
  ASSERT_THAT(map->peers, SizeIs(1));
  EXPECT_EQ(map->peers[0].config.node_key.bytes()[0], 3);
  EXPECT_EQ(map->peers[0].config.disco_key.bytes()[0], 4);
  EXPECT_THAT(map->peers[0].allowed_ips, ElementsAre(*IpPrefix::parse("10.7.0.2/32")));
  EXPECT_THAT(map->peers[0].config.endpoints, ElementsAre(*Endpoint::parse("192.0.2.9:1")));
  EXPECT_EQ(map->peers[0].config.home, relay::RegionId{900});
}

TEST(StaticMap, NeedsLittle) {
  const auto map = parse_static_map(with_keys(""));
  ASSERT_TRUE(map) << map.error().detail;
  EXPECT_EQ(map->device, "warren0");
  EXPECT_EQ(map->mtu, 1280U);
  EXPECT_THAT(map->peers, IsEmpty());
}

TEST(StaticMap, SaysWhatIsWrong) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"{}", "private_key: is missing"},
      {R"({"private_key": "short"})", "private_key: expected 32 bytes"},
      {with_keys(R"("addresses": ["10.7.0.1/33"])"), "addresses: expected addresses"},
      {with_keys(R"("addresses": ["fd07::/x"])"), "addresses: expected addresses"},
      {with_keys(R"("peers": [{}])"), "peers[0].public_key: is missing"},
      {with_keys(R"("regions": [{"id": 0, "nodes": []}])"), "regions[0].id: expected 1 to"},
      {with_keys(R"("regions": [{"id": 1, "nodes": [{}]}])"), "nodes[0].host_name: is missing"},
      {with_keys(R"("colour": 1)"), "colour: unknown key"},
  };
  for (const auto& [text, why] : cases) {
    SCOPED_TRACE(text);
    const auto map = parse_static_map(text);
    ASSERT_FALSE(map);
    EXPECT_THAT(map.error().detail, HasSubstr(why));
  }
}

TEST(StaticMap, RoutesWhatTheDevicesNetworksDoNotCover) {
  StaticMap map;
  map.addresses = {{0, *IpAddress::parse("10.7.0.1"), 24}};
  map.peers.push_back(
      {.config = {},
       .allowed_ips = {*IpPrefix::parse("10.7.0.2/32"), *IpPrefix::parse("10.7.0.0/16"),
                       *IpPrefix::parse("fd07::2/128")}});
  EXPECT_THAT(extra_routes(map),
              ElementsAre(*IpPrefix::parse("10.7.0.0/16"), *IpPrefix::parse("fd07::2/128")));
}

}  // namespace
}  // namespace warren::e2e
