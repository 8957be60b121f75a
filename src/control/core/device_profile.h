#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "netmap/entities.h"

namespace warren::control {

inline constexpr unsigned kDeviceMtu = 1280;      // RFC 8200 section 5: passes every path
inline constexpr unsigned kDeviceKeepalive = 25;  // seconds; WireGuard's own advice behind a NAT

// What a plain WireGuard device must be told to reach the network through the hub: all but its own
// private key, which we never see.
struct DeviceProfile {
  NodePublicKey hub_key;
  std::string endpoint;  // names a host wherever the server has a name, so that it may move
  std::vector<IpPrefix> addresses;
  IpAddress dns;  // the hub's
  std::string search;
  std::vector<IpPrefix> allowed_ips;  // the whole network

  bool operator==(const DeviceProfile&) const = default;
};

// `url` is the server's, as machines know it: the hub is on the same host.
Result<DeviceProfile> make_profile(const netmap::Node& device,
                                   const netmap::Node& hub,
                                   std::string_view url,
                                   std::uint16_t hub_port,
                                   std::string_view domain);

std::string to_json(const DeviceProfile& profile);

}  // namespace warren::control
