#include "node/core/answers.h"

#include "base/json_wire.h"
#include "proto/control/node_fields.h"
#include "proto/control/user_fields.h"

namespace warren::node {

namespace {

namespace wire = json::wire;
using wire::Either;

// A node with its capabilities has a few kilobytes.
constexpr wire::Limits kAnswerLimits{.bytes = std::size_t{4} << 20U, .depth = 32, .list = 16'384};

}  // namespace

template <class Visitor, Either<PingResult> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("IP", x.ip);
  visit.always("NodeIP", x.node_ip);
  visit.always("NodeName", x.node_name);
  visit.always("Err", x.err);
  visit.always("LatencySeconds", x.latency_seconds);
  visit.always("Endpoint", x.endpoint);
  visit.always("PeerRelay", x.peer_relay);
  visit.always("DERPRegionID", x.derp_region_id);
  visit.always("DERPRegionCode", x.derp_region_code);
  visit("PeerAPIPort", x.peer_api_port);
  visit("PeerAPIURL", x.peer_api_url);
  visit("IsLocalIP", x.is_local_ip);
}

template <class Visitor, Either<WhoIs> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("Node", x.node);
  visit.always("UserProfile", x.user_profile);
  visit.always("CapMap", x.cap_map);
}

template <class Visitor, Either<NetcheckAnswer> Fields>
static void fields(Visitor& visit, Fields& x) {
  visit.always("Now", x.now);
  visit.always("UDP", x.udp);
  visit.always("IPv6", x.ipv6);
  visit.always("IPv4", x.ipv4);
  visit.always("IPv6CanSend", x.ipv6_can_send);
  visit.always("IPv4CanSend", x.ipv4_can_send);
  visit.always("OSHasIPv6", x.os_has_ipv6);
  visit.always("ICMPv4", x.icmpv4);
  visit.always("MappingVariesByDestIP", x.mapping_varies_by_dest_ip);
  visit.always("UPnP", x.upnp);
  visit.always("PMP", x.pmp);
  visit.always("PCP", x.pcp);
  visit.always("PreferredDERP", x.preferred_derp);
  visit.always("RegionLatency", x.region_latency);
  visit.always("RegionV4Latency", x.region_v4_latency);
  visit.always("RegionV6Latency", x.region_v6_latency);
  visit.always("GlobalV4Counters", x.global_v4_counters);
  visit.always("GlobalV6Counters", x.global_v6_counters);
  visit.always("GlobalV4", x.global_v4);
  visit.always("GlobalV6", x.global_v6);
  visit.always("CaptivePortal", x.captive_portal);
}

std::string encode_ping_result(const PingResult& result) {
  return wire::write_text(result);
}

Result<PingResult> decode_ping_result(std::string_view text) {
  return wire::read_text<PingResult>(text, kAnswerLimits);
}

std::string encode_who_is(const WhoIs& who) {
  return wire::write_text(who);
}

Result<WhoIs> decode_who_is(std::string_view text) {
  return wire::read_text<WhoIs>(text, kAnswerLimits);
}

std::string encode_netcheck(const NetcheckAnswer& answer) {
  return wire::write_text(answer);
}

Result<NetcheckAnswer> decode_netcheck(std::string_view text) {
  return wire::read_text<NetcheckAnswer>(text, kAnswerLimits);
}

}  // namespace warren::node
