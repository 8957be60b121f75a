#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "proto/control/common.h"
#include "proto/control/dns.h"
#include "proto/control/hostinfo.h"
#include "proto/relay/region.h"

// A node in the map, and the change of a peer (spec: control sections 7.1 and 5.5).
namespace warren::control {

// Endpoint{} among endpoints is none: one that was empty or had a zone.
struct Node {
  NodeId id;
  std::string stable_id;  // never empty
  std::string name;       // a full name with its last dot
  UserId user;
  UserId sharer;
  NodePublicKey key;
  std::optional<WallTime> key_expiry;  // none: never
  Bytes key_signature;
  MachinePublicKey machine;
  DiscoPublicKey disco_key;  // zero: stock clients ignore the peer
  std::vector<IpPrefix> addresses;
  // Absent: `addresses` (from capability version 112 on). See effective_allowed_ips().
  std::optional<std::vector<IpPrefix>> allowed_ips;
  std::vector<Endpoint> endpoints;  // written even when empty: absent would change nothing (5.6)
  relay::RegionId home_derp;        // written twice, the second time for capability versions < 111
  std::optional<Hostinfo> hostinfo;
  std::optional<WallTime> created;
  CapVersion cap;
  std::vector<std::string> tags;
  std::vector<IpPrefix> primary_routes;  // subnet routes that it serves now
  std::optional<WallTime> last_seen;     // of one that is offline
  std::optional<bool> online;
  bool machine_authorized = false;  // false on the self node: waits for approval
  CapMap cap_map;
  bool unsigned_peer_api_only = false;
  bool expired = false;
  std::optional<IpAddress> self_v4_masquerade;  // by which address this peer knows us
  std::optional<IpAddress> self_v6_masquerade;
  bool is_wireguard_only = false;
  bool is_jailed = false;  // may not open connections to us
  std::vector<Resolver> exit_node_dns_resolvers;
  std::string data_plane_audit_log_id;

  const std::vector<IpPrefix>& effective_allowed_ips() const {
    return allowed_ips ? *allowed_ips : addresses;
  }

  bool operator==(const Node&) const = default;
};

// What changed on a peer; what is absent, or zero where nothing can be absent, did not.
struct PeerChange {
  NodeId node_id;
  relay::RegionId derp_region;
  CapVersion cap;
  std::optional<CapMap> cap_map;
  std::optional<std::vector<Endpoint>> endpoints;
  std::optional<NodePublicKey> key;
  Bytes key_signature;
  std::optional<DiscoPublicKey> disco_key;
  std::optional<bool> online;
  std::optional<WallTime> last_seen;
  std::optional<std::optional<WallTime>> key_expiry;  // the inner none: never

  bool operator==(const PeerChange&) const = default;
};

}  // namespace warren::control
