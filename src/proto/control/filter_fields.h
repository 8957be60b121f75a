#pragma once

#include "proto/control/filter.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<PortRange> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("First", x.first);
  visit.always("Last", x.last);
}

template <class Visitor, Either<NetPortRange> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("IP", x.ip);
  visit.always("Ports", x.ports);
}

template <class Visitor, Either<CapGrant> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Dsts", x.dsts);
  visit("Caps", x.caps);
  visit("CapMap", x.cap_map);
}

template <class Visitor, Either<FilterRule> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("SrcIPs", x.src_ips);
  visit("DstPorts", x.dst_ports);
  visit("IPProto", x.ip_proto);
  visit("CapGrant", x.cap_grant);
}

}  // namespace warren::control
