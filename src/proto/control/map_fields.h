#pragma once

#include "proto/control/derp_map_fields.h"
#include "proto/control/dns_fields.h"
#include "proto/control/filter_fields.h"
#include "proto/control/map.h"
#include "proto/control/messages_fields.h"
#include "proto/control/node_fields.h"
#include "proto/control/ping_fields.h"
#include "proto/control/ssh_fields.h"
#include "proto/control/user_fields.h"
#include "proto/control/wire_types.h"

namespace warren::control {

// A number beyond those we know is Unknown.
void read(const boost::json::value& from, EndpointType& to, const json::wire::Place& place);
void write(json::Writer& out, EndpointType value);

template <class Visitor, Either<MapRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Version", x.version);
  visit.always("Compress", x.compress);
  visit.always("KeepAlive", x.keep_alive);
  visit.always("NodeKey", x.node_key);
  visit.always("DiscoKey", x.disco_key);
  visit("HardwareAttestationKey", x.hardware_attestation_key);
  visit("HardwareAttestationKeySignature", x.hardware_attestation_signature);
  visit("HardwareAttestationKeySignatureTimestamp", x.hardware_attestation_timestamp);
  visit("Stream", x.stream);
  visit("Hostinfo", x.hostinfo);
  visit("MapSessionHandle", x.map_session_handle);
  visit("MapSessionSeq", x.map_session_seq);
  visit("Endpoints", x.endpoints);
  visit("EndpointTypes", x.endpoint_types);
  visit("TKAHead", x.tka_head);
  visit("ReadOnly", x.read_only);
  visit("OmitPeers", x.omit_peers);
  visit("DebugFlags", x.debug_flags);
}

template <class Visitor, Either<MapResponse> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("MapSessionHandle", x.map_session_handle);
  visit("Seq", x.seq);
  visit("KeepAlive", x.keep_alive);
  visit("PingRequest", x.ping_request);
  visit("PopBrowserURL", x.pop_browser_url);
  visit("Node", x.node);
  visit("DERPMap", x.derp_map);
  visit("Peers", x.peers);
  visit("PeersChanged", x.peers_changed);
  visit("PeersRemoved", x.peers_removed);
  visit("PeersChangedPatch", x.peers_changed_patch);
  visit("PeerSeenChange", x.peer_seen_change);
  visit("OnlineChange", x.online_change);
  visit("DNSConfig", x.dns_config);
  visit("Domain", x.domain);
  visit("CollectServices", x.collect_services);
  visit("PacketFilter", x.packet_filter);
  visit("PacketFilters", x.packet_filters);
  visit("UserProfiles", x.user_profiles);
  visit("Health", x.health);
  visit("DisplayMessages", x.display_messages);
  visit("SSHPolicy", x.ssh_policy);
  visit("ControlTime", x.control_time);
  visit("TKAInfo", x.tka_info);
  visit("DomainDataPlaneAuditLogID", x.domain_data_plane_audit_log_id);
  visit("Debug", x.debug);
  visit("ControlDialPlan", x.control_dial_plan);
  visit("ClientVersion", x.client_version);
  visit("DefaultAutoUpdate", x.default_auto_update);
}

}  // namespace warren::control
