#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"
#include "proto/control/node.h"
#include "proto/control/user.h"

// Smaller answers of the daemon, in the JSON of stock software (spec: node-features sections 18.4
// to 18.6).
namespace warren::node {

struct PingResult {
  std::string ip;  // as it was asked for
  std::string node_ip;
  std::string node_name;
  std::string err;  // why there was no answer; empty: there was
  double latency_seconds = 0;
  std::string endpoint;            // direct: "ip:port"
  std::string peer_relay;          // none yet
  relay::RegionId derp_region_id;  // relayed: through which
  std::string derp_region_code;
  std::uint16_t peer_api_port = 0;
  std::string peer_api_url;
  bool is_local_ip = false;  // our own

  bool operator==(const PingResult&) const = default;
};

struct WhoIs {
  std::optional<control::Node> node;
  std::optional<control::UserProfile> user_profile;
  control::CapMap cap_map;  // what it may do with us; grants are not read yet

  bool operator==(const WhoIs&) const = default;
};

// The last network report.
struct NetcheckAnswer {
  std::optional<WallTime> now;
  bool udp = false;
  bool ipv6 = false;
  bool ipv4 = false;
  bool ipv6_can_send = false;
  bool ipv4_can_send = false;
  bool os_has_ipv6 = false;
  bool icmpv4 = false;
  std::optional<bool> mapping_varies_by_dest_ip;
  std::optional<bool> upnp;
  std::optional<bool> pmp;
  std::optional<bool> pcp;
  relay::RegionId preferred_derp;
  std::map<relay::RegionId, Duration> region_latency;
  std::map<relay::RegionId, Duration> region_v4_latency;
  std::map<relay::RegionId, Duration> region_v6_latency;
  std::map<std::string, std::int64_t> global_v4_counters;  // how often each address was seen
  std::map<std::string, std::int64_t> global_v6_counters;
  std::string global_v4;  // "ip:port"; empty: none
  std::string global_v6;
  std::optional<bool> captive_portal;

  bool operator==(const NetcheckAnswer&) const = default;
};

std::string encode_ping_result(const PingResult& result);
Result<PingResult> decode_ping_result(std::string_view json);
std::string encode_who_is(const WhoIs& who);
Result<WhoIs> decode_who_is(std::string_view json);
std::string encode_netcheck(const NetcheckAnswer& answer);
Result<NetcheckAnswer> decode_netcheck(std::string_view json);

}  // namespace warren::node
