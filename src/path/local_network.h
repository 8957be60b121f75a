#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.h"

namespace warren::path {

struct InterfaceAddress {
  IpAddress address;
  std::uint32_t interface = 0;

  auto operator<=>(const InterfaceAddress&) const = default;
};

// Our side of the network as the operating system shows it, without the overlay's own interface.
struct LocalNetwork {
  std::vector<InterfaceAddress> addresses;  // of interfaces that are up; loopback may be left out
  std::uint32_t default_v4 = 0;             // interface of the default route; 0: none
  std::uint32_t default_v6 = 0;
  std::uint16_t port_v4 = 0;  // our socket's; 0: none of this family
  std::uint16_t port_v6 = 0;

  bool has_v4() const { return port_v4 != 0 && default_v4 != 0; }

  bool has_v6() const { return port_v6 != 0 && default_v6 != 0; }

  bool operator==(const LocalNetwork&) const = default;
};

}  // namespace warren::path
