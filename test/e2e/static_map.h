#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "io/address.h"
#include "path/engine.h"
#include "proto/relay/region.h"

// What a coordination server would tell a node, from a file. Keys are in base64, as those of `wg`:
//
//   {
//     "private_key": "…", "disco_key": "…",
//     "device": "warren0", "addresses": ["10.7.0.1/24"], "port": 41641, "mtu": 1280, "mark": 0,
//     "regions": [{"id": 900, "code": "lab", "nodes": [
//         {"host_name": "203.0.113.10", "cert_name": "sha256-raw:…", "ipv4": "203.0.113.10",
//          "ipv6": "none", "relay_port": 443, "stun_port": 3478}]}],
//     "peers": [{"public_key": "…", "disco_key": "…", "allowed_ips": ["10.7.0.2/32"],
//                "endpoints": ["192.0.2.1:41641"], "home": 900}],
//   }
namespace warren::e2e {

struct StaticPeer {
  path::PeerConfig config;
  std::vector<IpPrefix> allowed_ips;
};

struct StaticMap {
  NodePrivateKey private_key;
  DiscoPrivateKey disco_key;
  std::string device = "warren0";
  std::vector<io::LinkAddress> addresses;  // their link is not set
  std::uint16_t port = 0;                  // 0: any
  unsigned mtu = 1280;
  std::uint32_t mark = 0;
  relay::Map relays;
  std::vector<StaticPeer> peers;
};

// Errors begin with the path to the field.
Result<StaticMap> parse_static_map(std::string_view text);

Result<StaticMap> load_static_map(const std::string& path);

// Allowed addresses that no network of the device covers: these need a route.
std::vector<IpPrefix> extra_routes(const StaticMap& map);

}  // namespace warren::e2e
