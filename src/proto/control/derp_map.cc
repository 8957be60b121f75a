#include "proto/control/derp_map.h"

#include <utility>

namespace warren::control {

namespace {

relay::Node to_relay_node(const DerpNode& node) {
  relay::Node out;
  out.name = node.name;
  out.host_name = node.host_name;
  out.cert_name = node.cert_name;
  out.ipv4 = node.ipv4;
  out.ipv6 = node.ipv6;
  if (node.derp_port != 0) out.relay_port = node.derp_port;
  if (node.stun_port != 0) {
    out.stun_port = std::in_range<std::uint16_t>(node.stun_port)
                        ? static_cast<std::uint16_t>(node.stun_port)
                        : std::uint16_t{0};
  }
  out.stun_only = node.stun_only;
  out.can_port_80 = node.can_port80;
  out.insecure_for_tests = node.insecure_for_tests;
  return out;
}

}  // namespace

relay::Map to_relay_map(const DerpMap& map) {
  relay::Map out;
  if (!map.regions) return out;
  for (const auto& [id, region] : *map.regions) {
    relay::Region& to = out.regions.emplace_back();
    to.id = id;
    to.code = region.region_code;
    to.name = region.region_name;
    to.no_measure_no_home = region.no_measure_no_home;
    for (const DerpNode& node : region.nodes) to.nodes.push_back(to_relay_node(node));
    if (!map.home_params || !map.home_params->region_score) continue;
    const auto score = map.home_params->region_score->find(id);
    if (score != map.home_params->region_score->end() && score->second > 0) {
      to.score = score->second;
    }
  }
  return out;
}

}  // namespace warren::control
