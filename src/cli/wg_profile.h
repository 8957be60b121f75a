#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_wire.h"

namespace warren::cli {

// What warren-server says a plain WireGuard device needs to reach the network.
struct WgProfile {
  std::string hub_key;
  std::string endpoint;
  std::vector<std::string> addresses;
  std::string dns;
  std::string search;
  std::vector<std::string> allowed_ips;
  std::int64_t keepalive = 0;
  std::int64_t mtu = 0;
};

template <class Visitor, json::wire::Either<WgProfile> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("hub_key", x.hub_key);
  visit("endpoint", x.endpoint);
  visit("addresses", x.addresses);
  visit("dns", x.dns);
  visit("search", x.search);
  visit("allowed_ips", x.allowed_ips);
  visit("keepalive", x.keepalive);
  visit("mtu", x.mtu);
}

// The file that wg-quick(8) and the WireGuard apps take. Without a private key a comment stands
// where the device's own belongs.
std::string wg_quick_text(const WgProfile& profile, std::string_view private_key);

}  // namespace warren::cli
