#pragma once

#include "proto/control/ping.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<PingRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("URL", x.url);
  visit("URLIsNoise", x.url_is_noise);
  visit("Log", x.log);
  visit("Types", x.types);
  visit("IP", x.ip);
  visit("Payload", x.payload);
}

template <class Visitor, Either<PingResponse> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Type", x.type);
  visit("IP", x.ip);
  visit("NodeIP", x.node_ip);
  visit("NodeName", x.node_name);
  visit("Err", x.err);
  visit("LatencySeconds", x.latency_seconds);
  visit("Endpoint", x.endpoint);
  visit("PeerRelay", x.peer_relay);
  visit("DERPRegionID", x.derp_region_id);
  visit("DERPRegionCode", x.derp_region_code);
  visit("PeerAPIPort", x.peer_api_port);
  visit("IsLocalIP", x.is_local_ip);
}

}  // namespace warren::control
