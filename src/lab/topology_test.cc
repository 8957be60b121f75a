#include "lab/topology.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace warren::lab {

namespace {

std::string error_of(std::string_view routers, std::string_view hosts = "{}") {
  const auto topology =
      parse_topology(fmt::format(R"({{"routers": {}, "hosts": {}}})", routers, hosts));
  return topology ? "none" : topology.error().detail;
}

}  // namespace

TEST(LabTopology, ReadsEveryField) {
  const auto topology = parse_topology(R"({
    "seed": 7, "max_delayed_bytes": 1000,
    "routers": {
      "internet": {},
      "isp": {"behind": "internet", "mtu": 1492, "sends_icmp": false,
              "link": {"delay": "5ms", "rate_bits_per_second": 1000000, "queue": "100ms"},
              "up": {"loss_percent": 1.5, "loss_burst": 3},
              "nat": {"external": ["203.0.113.1", "203.0.113.2"], "mapping": "address",
                      "filtering": "endpoint_independent", "ports": "sequential_per_host",
                      "pooling": "arbitrary", "hairpin": "external_source", "refresh": "outbound",
                      "first_port": 2000, "last_port": 2999, "ports_per_host": 100,
                      "sessions_per_host": 50, "max_sessions": 500, "udp_timeout": "40s",
                      "udp_unreplied_timeout": "20s", "tcp_timeout": "2h",
                      "tcp_transitory_timeout": "4m", "icmp_timeout": "1m",
                      "forwards": [{"port": 80, "to": "10.0.0.2", "to_port": 8080}]},
              "firewall": {"is_stateful": true, "block": "udp_except_stun"}},
    },
    "hosts": {
      "h": {"network": "ns", "interface": "lan0", "behind": "isp", "metric": 5,
            "default_route": false, "addresses": ["10.0.0.2/24", "fd00::2/64"],
            "routes": ["10.9.0.0/16"],
            "link": {"jitter": "2ms", "keeps_order": false, "duplicate_percent": 1,
                     "reorder_percent": 2, "reorder_delay": "3ms"}},
    },
  })");
  ASSERT_TRUE(topology) << topology.error().detail;
  EXPECT_EQ(topology->seed, 7U);
  EXPECT_EQ(topology->max_delayed_bytes, 1000U);
  const RouterConfig& isp = topology->routers.at("isp");
  EXPECT_EQ(isp.uplink.mtu, 1492U);
  const LinkQuality down{.delay = 5ms, .rate_bits_per_second = 1000000, .queue = 100ms};
  LinkQuality up = down;
  up.loss_percent = 1.5;
  up.loss_burst = 3;
  EXPECT_EQ(isp.uplink.down, down);
  EXPECT_EQ(isp.uplink.up, up);
  EXPECT_FALSE(isp.sends_icmp);
  const NatConfig nat = isp.nat.value_or(NatConfig());
  EXPECT_EQ(nat.external.size(), 2U);
  EXPECT_EQ(nat.mapping, Dependence::Address);
  EXPECT_EQ(nat.ports, PortChoice::SequentialPerHost);
  EXPECT_EQ(nat.hairpin, Hairpin::ExternalSource);
  EXPECT_EQ(nat.tcp_timeout, 2h);
  ASSERT_EQ(nat.forwards.size(), 1U);
  EXPECT_EQ(nat.forwards[0].to, (Endpoint{IpAddress::v4({10, 0, 0, 2}), 8080}));
  EXPECT_EQ(isp.firewall.block, Block::UdpExceptStun);
  const HostConfig& host = topology->hosts.at("h");
  EXPECT_EQ(host.addresses[1], parse_interface_address("fd00::2/64"));
  EXPECT_EQ(host.uplink.up, host.uplink.down);
  EXPECT_EQ(host.uplink.up.reorder_delay, 3ms);
}

TEST(LabTopology, SaysWhichFieldIsWrong) {
  EXPECT_EQ(error_of(R"({"a": {"nat": {}}})"), "routers.a.nat.external: is missing");
  EXPECT_EQ(error_of(R"({"a": {}, "b": {"behind": "a", "nat": {"external": []}}})"),
            "routers.b.nat.external: expected at least one address");
  EXPECT_EQ(
      error_of(
          R"({"a": {}, "b": {"behind": "a", "nat": {"external": ["192.0.2.1", "2001:db8::1"]}}})"),
      "routers.b.nat.external: expected addresses of one family");
  EXPECT_EQ(
      error_of(
          R"({"a": {}, "b": {"behind": "a", "nat": {"external": ["192.0.2.1"], "forwards": [
              {"port": 80, "to": "10.0.0.2"}, {"port": 80, "to": "10.0.0.3"}]}}})"),
      "routers.b.nat.forwards: expected each port, and each endpoint that one leads to, once");
  EXPECT_EQ(error_of(R"({"a": {"link": {"loss_percent": 101}}})"),
            "routers.a.link.loss_percent: expected 0 to 100");
  EXPECT_EQ(error_of(R"({"a": {"mtu": 100}})"), "routers.a.mtu: expected 576 to 65535");
  EXPECT_EQ(error_of(R"({"a": {"natt": {}}})"), "routers.a.natt: unknown key");
  EXPECT_EQ(error_of(R"({"a": {}})",
                     R"({"h": {"behind": "a", "network": "x", "addresses": ["10.0.0.1"]}})"),
            R"(hosts.h.addresses[0]: expected an address with a length such as "192.0.2.1/24")");
}

TEST(LabTopology, RefusesWhatIsNoTree) {
  EXPECT_EQ(error_of(R"({"a": {"behind": "b"}, "b": {"behind": "a"}})"),
            "routers.a.behind: the way up goes round in a circle");
  EXPECT_EQ(error_of(R"({"a": {}, "b": {}})"),
            "routers.b.behind: is missing: a is at the top, and only one router can be");
  EXPECT_EQ(error_of(R"({"a": {"behind": "c"}})"), "routers.a.behind: there is no router c");
  EXPECT_EQ(error_of(R"({"a": {"nat": {"external": ["192.0.2.1"]}}})"),
            "routers.a.nat: the router at the top has no outside");
  EXPECT_EQ(error_of(R"({"a": {}})", R"({"h": {"network": "x", "addresses": []}})"),
            R"(hosts.h.behind: there is no router "")");
  EXPECT_EQ(error_of(R"({"a": {}})", R"({"a": {"network": "x", "addresses": [], "behind": "a"}})"),
            "hosts.a: a router has this name");
}

}  // namespace warren::lab
