#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/relay/region.h"

// Where relays are, as the control server says it (spec: control section 7.4).
namespace warren::control {

struct DerpNode {
  std::string name;  // unique in the map: "901a"
  relay::RegionId region_id;
  std::string host_name;
  std::string cert_name;  // "sha256-raw:<hex>" pins a self-signed certificate
  std::string ipv4;       // an address; "none": not by IPv4; empty: ask DNS
  std::string ipv6;
  int stun_port = 0;  // 0: 3478, -1: no STUN
  bool stun_only = false;
  std::uint16_t derp_port = 0;  // 0: 443
  bool insecure_for_tests = false;
  std::string stun_test_ip;
  bool can_port80 = false;

  bool operator==(const DerpNode&) const = default;
};

struct DerpRegion {
  relay::RegionId region_id;  // equals its key in the map
  std::string region_code;
  std::string region_name;
  double latitude = 0;
  double longitude = 0;
  bool no_measure_no_home = false;
  std::vector<DerpNode> nodes;

  bool operator==(const DerpRegion&) const = default;
};

struct DerpHomeParams {
  // Factors on the latency when a home is chosen. Absent: keep; empty: none.
  std::optional<std::map<relay::RegionId, double>> region_score;

  bool operator==(const DerpHomeParams&) const = default;
};

// Absent members keep what the receiver has (spec: control section 5.4).
struct DerpMap {
  std::optional<DerpHomeParams> home_params;
  std::optional<std::map<relay::RegionId, DerpRegion>> regions;
  bool omit_default_regions = false;

  bool operator==(const DerpMap&) const = default;
};

// As the path engine wants it: defaults filled in, scores that are not above zero left out.
relay::Map to_relay_map(const DerpMap& map);

}  // namespace warren::control
