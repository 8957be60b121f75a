#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "proto/control/common.h"

// What may reach a node (spec: control section 7.6). Sources and destinations stay texts here: one
// that is malformed costs its own part of the rule, not the map; policy/ compiles them.
namespace warren::control {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  bool operator==(const PortRange&) const = default;
};

struct NetPortRange {
  std::string ip;  // "*", an address, "a/n", "a-b"
  PortRange ports;

  bool operator==(const NetPortRange&) const = default;
};

// Capabilities of a peer towards this node.
struct CapGrant {
  std::vector<IpPrefix> dsts;
  std::vector<std::string> caps;  // deprecated form, without arguments
  CapMap cap_map;

  bool operator==(const CapGrant&) const = default;
};

// Grants either ports or capabilities.
struct FilterRule {
  std::vector<std::string> src_ips;  // as NetPortRange::ip, or "cap:<node capability>"
  std::vector<NetPortRange> dst_ports;
  std::vector<int> ip_proto;  // none: TCP, UDP, ICMP and ICMPv6
  std::vector<CapGrant> cap_grant;

  bool operator==(const FilterRule&) const = default;
};

}  // namespace warren::control
