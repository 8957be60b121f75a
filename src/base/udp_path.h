#pragma once

#include <optional>

#include "base/ip_address.h"

namespace warren {

// The local address and interface a datagram came in on, so that the answer leaves from there
// (IP_PKTINFO).
struct LocalAddress {
  IpAddress address;
  std::uint32_t interface = 0;  // index; 0: any

  auto operator<=>(const LocalAddress&) const = default;
};

// Where a peer's datagrams go, and from which of our addresses: none lets the kernel choose.
struct UdpPath {
  Endpoint remote;
  std::optional<LocalAddress> source;

  bool operator==(const UdpPath&) const = default;
};

}  // namespace warren
