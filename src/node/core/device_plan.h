#pragma once

#include <vector>

#include "base/ip_address.h"

namespace warren::node {

// Of the TUN device (spec: node-features section 5.1).
inline constexpr unsigned kOverlayMtu = 1280;

// Where the node's resolver is asked (spec: node-features section 4.1). The same on every node, so
// never where a packet to others comes from.
inline constexpr IpAddress kDnsAddressV4 = IpAddress::v4({100, 100, 100, 100});
inline constexpr IpAddress kDnsAddressV6 =
    IpAddress::v6({0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53});

// What the host's network stack should know of the overlay. Empty lists: nothing of it.
struct DevicePlan {
  std::vector<IpPrefix> addresses;  // our own, /32 and /128, in the server's order
  std::vector<IpPrefix> routes;     // into the device; sorted, each once
  unsigned mtu = kOverlayMtu;

  bool operator==(const DevicePlan&) const = default;
};

}  // namespace warren::node
