#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "proto/control/common.h"
#include "proto/control/derp_map.h"
#include "proto/control/dns.h"
#include "proto/control/filter.h"
#include "proto/control/hostinfo.h"
#include "proto/control/messages.h"
#include "proto/control/node.h"
#include "proto/control/ping.h"
#include "proto/control/ssh.h"
#include "proto/control/user.h"

// The map: what a node asks with, and what it is told, all at first and then what changes (spec:
// control section 5).
namespace warren::control {

// How a node knows an endpoint of its own (spec: control section 5.1).
enum class EndpointType : std::uint8_t {
  Unknown = 0,
  Local = 1,
  Stun = 2,
  PortMapped = 3,
  StunOfLocalPort = 4,  // the address that STUN saw, with the local port
  Explicit = 5,         // configured
};

struct MapRequest {
  CapVersion version;
  std::string compress;  // "zstd"; empty: none
  bool keep_alive = false;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
  bool stream = false;      // go on with changes
  bool omit_peers = false;  // without `stream`: only stores what the node tells
  bool read_only = false;   // changes nothing
  std::optional<Hostinfo> hostinfo;
  // Endpoint{} is none: one that was empty or had a zone. The types go in step, or are missing.
  std::vector<Endpoint> endpoints;
  std::vector<EndpointType> endpoint_types;
  std::string tka_head;
  std::vector<std::string> debug_flags;
  std::string map_session_handle;
  std::int64_t map_session_seq = 0;
  std::string hardware_attestation_key;
  Bytes hardware_attestation_signature;
  std::optional<WallTime> hardware_attestation_timestamp;

  bool operator==(const MapRequest&) const = default;
};

using FilterRules = std::vector<FilterRule>;

// Absent or empty means "unchanged", except as the comments say. See spec: control section 5.4.
struct MapResponse {
  std::string map_session_handle;
  std::int64_t seq = 0;
  bool keep_alive = false;  // nothing else counts but a ping, pop_browser_url and control_time
  std::optional<PingRequest> ping_request;
  std::string pop_browser_url;
  std::optional<Node> node;  // replaces the self node; there in the first message of a stream
  std::optional<DerpMap> derp_map;
  std::vector<Node> peers;  // all of them; then the next five do not count. None: unchanged
  std::vector<Node> peers_changed;
  std::vector<NodeId> peers_removed;
  std::vector<PeerChange> peers_changed_patch;
  std::map<NodeId, bool> peer_seen_change;  // true: seen now; false: never
  std::map<NodeId, bool> online_change;
  std::optional<DnsConfig> dns_config;  // replaces; an empty one is no DNS
  std::string domain;
  std::optional<bool> collect_services;
  std::optional<FilterRules> packet_filter;  // the chunk "base"; no rules: block everything
  // By chunk. None deletes the chunk, no rules empty it; "*" with none deletes all, first.
  std::map<std::string, std::optional<FilterRules>> packet_filters;
  std::vector<UserProfile> user_profiles;          // added, never removed
  std::optional<std::vector<std::string>> health;  // none: healthy
  std::optional<SshPolicy> ssh_policy;             // replaces; no rules: nobody
  std::optional<WallTime> control_time;
  std::optional<TkaInfo> tka_info;
  std::string domain_data_plane_audit_log_id;
  std::optional<Debug> debug;
  std::optional<ControlDialPlan> control_dial_plan;
  std::optional<ClientVersion> client_version;
  std::optional<bool> default_auto_update;
  // By id. None deletes; "*" with none deletes all, first.
  std::map<std::string, std::optional<DisplayMessage>> display_messages;

  bool operator==(const MapResponse&) const = default;
};

}  // namespace warren::control
