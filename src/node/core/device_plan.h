#pragma once

#include <vector>

#include "base/ip_address.h"

namespace warren::node {

// Of the TUN device (spec: node-features section 5.1).
inline constexpr unsigned kOverlayMtu = 1280;

// What the host's network stack should know of the overlay. Empty lists: nothing of it.
struct DevicePlan {
  std::vector<IpPrefix> addresses;  // our own, /32 and /128, in the server's order
  std::vector<IpPrefix> routes;     // into the device; sorted, each once
  unsigned mtu = kOverlayMtu;

  bool operator==(const DevicePlan&) const = default;
};

}  // namespace warren::node
