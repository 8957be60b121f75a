#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "lab/firewall.h"
#include "lab/link.h"
#include "lab/nat.h"

// What a lab is made of, as its file says it. Keys are the names of the members:
//
//   {
//     "seed": 1,
//     "routers": {
//       "internet": {},
//       "home": {"behind": "internet", "addresses": ["192.168.1.1"],
//                "nat": {"external": ["203.0.113.1"], "mapping": "endpoint_independent"}},
//     },
//     "hosts": {
//       "server": {"network": "NAMESPACE", "behind": "internet", "addresses": ["198.51.100.1/24"]},
//       "laptop": {"network": "NAMESPACE", "behind": "home", "addresses": ["192.168.1.10/24"],
//                  "link": {"delay": "10ms", "loss_percent": 1}},
//     },
//   }
namespace warren::lab {

// An address of a host's device and the length of the prefix on its link.
struct InterfaceAddress {
  IpAddress address;
  unsigned prefix_length = 0;

  bool operator==(const InterfaceAddress&) const = default;
};

// Between a host or router and the router it is behind. "link" sets both ways; "up" (towards the
// router it is behind) and "down" change what they say of one.
struct Uplink {
  std::string behind;  // the name of a router; empty: none, of the one at the top
  LinkQuality up;
  LinkQuality down;
  std::uint32_t mtu = 1500;
};

struct HostConfig {
  Uplink uplink;
  std::string network;  // name in /run/netns, process id, or path of a network namespace
  std::string interface = "eth0";
  std::vector<InterfaceAddress> addresses;
  std::vector<IpPrefix> routes;  // more that is sent to this host
  bool default_route = true;
  std::uint32_t metric = 0;  // of the default route, for a host with several links
};

struct RouterConfig {
  Uplink uplink;
  std::vector<IpAddress> addresses;               // its own: where its ICMP errors come from
  std::optional<NatConfig> nat;                   // of the family of its external addresses
  FirewallConfig firewall{.is_stateful = false};  // stateful for what the NAT does not translate
  bool sends_icmp = true;                         // else a black hole for path MTU discovery
};

struct Topology {
  std::uint64_t seed = 1;
  std::map<std::string, RouterConfig> routers;
  std::map<std::string, HostConfig> hosts;
  std::uint64_t max_delayed_bytes = 256U << 20U;  // of all packets on their way; more are dropped
};

// Names are known, routers form one tree, a NAT's addresses are of one family. That addresses are
// unique is for Network to say, as they change. Errors begin with the path to the field.
Result<Topology> parse_topology(std::string_view text);

// "10.0.0.2/24"; none without a length.
std::optional<InterfaceAddress> parse_interface_address(std::string_view text);

}  // namespace warren::lab
