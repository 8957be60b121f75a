#pragma once

#include "proto/control/dns_fields.h"
#include "proto/control/hostinfo_fields.h"
#include "proto/control/node.h"
#include "proto/control/wire_types.h"

namespace warren::control {

// The home region as an address: "127.3.3.40:901" (spec: control section 7.1). Yields to one that
// is known already.
template <class Region>
struct HomeDerpText {
  Region* region;

  bool is_zero() const { return *region == relay::kNoRegion; }
};

void read(const boost::json::value& from,
          HomeDerpText<relay::RegionId> to,
          const json::wire::Place& place);
void write(json::Writer& out, HomeDerpText<const relay::RegionId> value);

template <class Visitor, Either<Node> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit.always("StableID", x.stable_id);
  visit.always("Name", x.name);
  visit.always("User", x.user);
  visit("Sharer", x.sharer);
  visit.always("Key", x.key);
  visit("KeyExpiry", x.key_expiry);
  visit("KeySignature", x.key_signature);
  visit("Machine", x.machine);
  visit("DiscoKey", x.disco_key);
  visit.always("Addresses", x.addresses);
  visit("AllowedIPs", x.allowed_ips);
  visit.always("Endpoints", x.endpoints);
  visit("HomeDERP", x.home_derp);
  visit("DERP", HomeDerpText{&x.home_derp});
  visit("Hostinfo", x.hostinfo);
  visit("Created", x.created);
  visit("Cap", x.cap);
  visit("Tags", x.tags);
  visit("PrimaryRoutes", x.primary_routes);
  visit("LastSeen", x.last_seen);
  visit("Online", x.online);
  visit("MachineAuthorized", x.machine_authorized);
  visit("CapMap", x.cap_map);
  visit("UnsignedPeerAPIOnly", x.unsigned_peer_api_only);
  visit("Expired", x.expired);
  visit("SelfNodeV4MasqAddrForThisPeer", x.self_v4_masquerade);
  visit("SelfNodeV6MasqAddrForThisPeer", x.self_v6_masquerade);
  visit("IsWireGuardOnly", x.is_wireguard_only);
  visit("IsJailed", x.is_jailed);
  visit("ExitNodeDNSResolvers", x.exit_node_dns_resolvers);
  visit("DataPlaneAuditLogID", x.data_plane_audit_log_id);
}

template <class Visitor, Either<PeerChange> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("NodeID", x.node_id);
  visit("DERPRegion", x.derp_region);
  visit("Cap", x.cap);
  visit("CapMap", x.cap_map);
  visit("Endpoints", x.endpoints);
  visit("Key", x.key);
  visit("KeySignature", x.key_signature);
  visit("DiscoKey", x.disco_key);
  visit("Online", x.online);
  visit("LastSeen", x.last_seen);
  visit("KeyExpiry", x.key_expiry);
}

}  // namespace warren::control
