#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "proto/control/common.h"
#include "proto/relay/region.h"

// What a server asks a node to try, and what came of it (spec: control section 5.9).
namespace warren::control {

struct PingRequest {
  std::string url;  // where the answer goes; each only once
  bool url_is_noise = false;
  bool log = false;
  std::string types;  // empty: HEAD to the URL; "c2n"; or a list: "disco,TSMP,ICMP,peerapi"
  std::optional<IpAddress> ip;  // of the peer to ping
  Bytes payload;                // c2n: an HTTP request

  bool operator==(const PingRequest&) const = default;
};

struct PingResponse {
  std::string type;
  std::optional<IpAddress> ip;
  std::optional<IpAddress> node_ip;
  std::string node_name;
  std::string err;
  double latency_seconds = 0;
  std::string endpoint;  // "ip:port" of a direct path
  std::string peer_relay;
  relay::RegionId derp_region_id;
  std::string derp_region_code;
  std::uint16_t peer_api_port = 0;
  bool is_local_ip = false;

  bool operator==(const PingResponse&) const = default;
};

}  // namespace warren::control
