#pragma once

#include "proto/control/derp_map.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<DerpNode> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Name", x.name);
  visit.always("RegionID", x.region_id);
  visit.always("HostName", x.host_name);
  visit("CertName", x.cert_name);
  visit("IPv4", x.ipv4);
  visit("IPv6", x.ipv6);
  visit("STUNPort", x.stun_port);
  visit("STUNOnly", x.stun_only);
  visit("DERPPort", x.derp_port);
  visit("InsecureForTests", x.insecure_for_tests);
  visit("STUNTestIP", x.stun_test_ip);
  visit("CanPort80", x.can_port80);
}

template <class Visitor, Either<DerpRegion> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("RegionID", x.region_id);
  visit.always("RegionCode", x.region_code);
  visit.always("RegionName", x.region_name);
  visit("Latitude", x.latitude);
  visit("Longitude", x.longitude);
  visit("NoMeasureNoHome", x.no_measure_no_home);
  visit.always("Nodes", x.nodes);
}

template <class Visitor, Either<DerpHomeParams> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("RegionScore", x.region_score);
}

template <class Visitor, Either<DerpMap> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("HomeParams", x.home_params);
  visit("Regions", x.regions);
  visit("omitDefaultRegions", x.omit_default_regions);
}

}  // namespace warren::control
