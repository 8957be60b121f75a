#include "node/core/plan.h"

#include <algorithm>

namespace warren::node {

using control::Node;

namespace {

void make_set(std::vector<IpPrefix>& prefixes) {
  std::ranges::sort(prefixes);
  const auto repeated = std::ranges::unique(prefixes);
  prefixes.erase(repeated.begin(), repeated.end());
}

std::vector<policy::WireRule> to_wire(const control::FilterRules& rules) {
  std::vector<policy::WireRule> out;
  out.reserve(rules.size());
  for (const control::FilterRule& rule : rules) {
    policy::WireRule& wire = out.emplace_back();
    wire.sources = rule.src_ips;
    wire.protocols.assign(rule.ip_proto.begin(), rule.ip_proto.end());
    for (const control::NetPortRange& to : rule.dst_ports) {
      wire.destinations.push_back({.addresses = to.ip,
                                   .first_port = to.ports.first,
                                   .last_port = to.ports.last,
                                   .has_bits = false});
    }
  }
  return out;
}

// Of the capabilities that the rules name only.
policy::CapabilityAddresses addresses_by_capability(const NetworkMap& map,
                                                    const control::FilterRules& rules) {
  constexpr std::string_view kCapSource = "cap:";  // spec: control section 7.6
  policy::CapabilityAddresses out;
  for (const control::FilterRule& rule : rules) {
    for (const std::string& source : rule.src_ips) {
      if (source.starts_with(kCapSource)) out.try_emplace(source.substr(kCapSource.size()));
    }
  }
  if (out.empty()) return out;
  for (const auto& [id, peer] : map.peers()) {
    for (auto& [capability, addresses] : out) {
      if (!peer.cap_map.contains(capability)) continue;
      for (const IpPrefix& prefix : map.allowed_ips(peer, false)) {
        addresses.push_back(prefix.address());
      }
    }
  }
  return out;
}

// Without a PeerAPI, which is all that an unsigned peer may reach, it is a jailed one (spec:
// node-features section 1.1).
bool may_only_answer(const Node& peer) {
  return peer.is_jailed || peer.unsigned_peer_api_only;
}

}  // namespace

bool is_tunnel_wanted(const NetworkMap& map, const Prefs& prefs) {
  return prefs.want_running && !prefs.logged_out && map.self() && map.self()->machine_authorized &&
         !map.is_expired(*map.self());
}

DevicePlan plan_device(const NetworkMap& map, const Prefs& prefs) {
  DevicePlan out;
  if (!is_tunnel_wanted(map, prefs)) return out;
  for (const IpPrefix& prefix : map.self()->addresses) {
    if (std::ranges::find(out.addresses, prefix) == out.addresses.end()) {
      out.addresses.push_back(prefix);
    }
  }
  for (const auto& [id, peer] : map.peers()) {
    const auto allowed = map.allowed_ips(peer, prefs.route_all);
    out.routes.insert(out.routes.end(), allowed.begin(), allowed.end());
  }
  make_set(out.routes);
  return out;
}

std::string_view why_no_tunnel(const NetworkMap& map, const Node& peer) {
  if (map.is_expired(peer)) return "its key has expired";
  if (!map.has_key(peer)) return "another node has the same key";
  if (peer.disco_key.is_zero() && !peer.is_wireguard_only) {
    return "it has not told the server yet how it can be reached";
  }
  return {};
}

std::optional<PeerPlan> plan_peer(const NetworkMap& map, const Node& peer, const Prefs& prefs) {
  if (!is_tunnel_wanted(map, prefs) || !why_no_tunnel(map, peer).empty()) return std::nullopt;
  PeerPlan out{.key = peer.key,
               .allowed_ips = map.allowed_ips(peer, prefs.route_all),
               .path = {.node_key = peer.key,
                        .disco_key = peer.disco_key,
                        .endpoints = peer.endpoints,
                        .home = peer.home_derp},
               .is_wireguard_only = peer.is_wireguard_only};
  // Those that were empty or had a zone.
  std::erase(out.path.endpoints, Endpoint{});
  return out;
}

FilterPlan plan_filter(const NetworkMap& map, const Prefs& prefs) {
  FilterPlan out;
  if (!is_tunnel_wanted(map, prefs)) return out;
  for (const IpPrefix& prefix : map.self()->addresses) {
    out.config.addresses.push_back(prefix.address());
  }
  // What we are said to be, and is no address of ours, is of those whom we carry.
  const OwnAddresses own(*map.self());
  for (const IpPrefix& prefix : map.self()->effective_allowed_ips()) {
    if (prefix.is_single() && !own.contain(prefix)) out.config.routes.push_back(prefix);
  }
  make_set(out.config.routes);
  out.is_hub = !out.config.routes.empty();
  out.config.shields_up = prefs.shields_up;
  for (const auto& [id, peer] : map.peers()) {
    if (!may_only_answer(peer)) continue;
    const auto allowed = map.allowed_ips(peer, prefs.route_all);
    out.config.jailed.insert(out.config.jailed.end(), allowed.begin(), allowed.end());
  }
  make_set(out.config.jailed);
  const control::FilterRules rules = map.filter_rules();
  auto parsed = policy::parse_filter_rules(to_wire(rules), addresses_by_capability(map, rules));
  if (parsed) {
    out.config.rules = *std::move(parsed);
  } else {
    out.problem = std::move(parsed.error().detail);
  }
  return out;
}

}  // namespace warren::node
