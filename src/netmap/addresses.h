#pragma once

#include "base/ip_address.h"

// The address plan of a network (spec: control section 7.11): IPv4 in 100.64.0.0/10, IPv6 in
// fd7a:115c:a1e0::/48, both without what stock clients keep for themselves. Each node has one of
// each; the IPv6 one holds the IPv4 one in its last four bytes, so one lease covers both.
namespace warren::netmap {

inline constexpr std::size_t kAddressCount = std::size_t{1} << 22U;  // of 100.64.0.0/10

// The address with this number in the range, 0 to kAddressCount - 1.
IpAddress nth_v4(std::size_t number);
// Not the network's first or last address, 100.100.100.100 (the resolver), or 100.115.92.0/23
// (ChromeOS).
bool may_be_leased(const IpAddress& v4);
IpAddress v6_of(const IpAddress& v4);

}  // namespace warren::netmap
