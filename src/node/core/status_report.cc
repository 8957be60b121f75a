#include "node/core/status_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "crypto/key_text.h"
#include "node/core/plan.h"
#include "node/core/status_text.h"
#include "path/constants.h"

namespace warren::node {

using control::Node;

namespace {

// An exit node advertises both default routes (spec: control section 7.1).
bool offers_exit(const Node& peer) {
  return std::ranges::any_of(peer.effective_allowed_ips(),
                             [](const IpPrefix& prefix) { return prefix.length() == 0; });
}

std::string host_name(const Node& node) {
  if (node.hostinfo && !node.hostinfo->hostname.empty()) return node.hostinfo->hostname;
  return node.name.substr(0, node.name.find('.'));
}

std::string region_code(const NetworkMap& map, relay::RegionId id) {
  if (id == relay::kNoRegion) return {};
  const auto& regions = map.relay_map().regions;
  const bool is_known = regions && regions->contains(id);
  return is_known ? regions->at(id).region_code : fmt::format("{}", id.value);
}

std::vector<IpAddress> addresses_of(const Node& node) {
  std::vector<IpAddress> out;
  out.reserve(node.addresses.size());
  for (const IpPrefix& prefix : node.addresses) out.push_back(prefix.address());
  return out;
}

// The map has no entry for a device of the hub, only records, and its addresses behind the hub's
// own.
void name_device(const NetworkMap& map, const IpAddress& address, Node& node) {
  const auto own = std::ranges::find_if(node.addresses, [&](const IpPrefix& prefix) {
    return prefix.address().is_v4() == address.is_v4();
  });
  if (own != node.addresses.end() && own->address() == address) return;
  const auto& records = map.dns().extra_records;
  const auto record = std::ranges::find(records, address.to_string(), &control::DnsRecord::value);
  if (record == records.end()) return;
  std::vector<IpPrefix> addresses;
  for (const control::DnsRecord& other : records) {
    const auto its = IpAddress::parse(other.value);
    if (its && other.name == record->name) addresses.emplace_back(*its, its->bit_length());
  }
  node.name = record->name;
  node.addresses = addresses;
  node.allowed_ips = std::move(addresses);
}

WallTime wall_time(const StatusInput& input, TimePoint then) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ago = std::max<std::int64_t>((input.now - then).count(), 0);
  const std::int64_t nanoseconds = std::int64_t{input.wall_now.nanoseconds} - ago % kSecond;
  const bool borrows = nanoseconds < 0;
  return {.seconds = input.wall_now.seconds - ago / kSecond - (borrows ? 1 : 0),
          .nanoseconds = static_cast<std::uint32_t>(nanoseconds + (borrows ? kSecond : 0))};
}

std::string_view text_of(path::PathState state) {
  switch (state) {
    case path::PathState::Idle:
      return "idle";
    case path::PathState::Relayed:
      return "relayed";
    case path::PathState::Direct:
      return "direct";
    case path::PathState::Doubt:
      return "doubt";
  }
  return "idle";
}

// What the server says of a node, whoever it is.
StatusPeer from_node(const StatusInput& input, const Node& node) {
  StatusPeer out;
  out.id = node.stable_id;
  out.node_id = node.id;
  out.public_key = node.key;
  out.host_name = host_name(node);
  out.dns_name = node.name;
  out.os = node.hostinfo ? node.hostinfo->os : std::string{};
  out.user_id = node.user;
  out.alt_sharer_user_id = node.sharer;
  out.overlay_ips = addresses_of(node);
  out.allowed_ips = node.effective_allowed_ips();
  out.tags = node.tags;
  out.primary_routes = node.primary_routes;
  out.addrs = node.endpoints;
  std::erase(out.addrs, Endpoint{});
  out.relay = region_code(input.map, node.home_derp);
  out.created = node.created;
  out.exit_node_option = offers_exit(node);
  out.cap_map = node.cap_map;
  out.in_network_map = true;
  out.expired = input.map.is_expired(node);
  out.key_expiry = node.key_expiry;
  if (node.hostinfo) {
    out.ssh_host_keys = node.hostinfo->ssh_host_keys;
    out.sharee_node = node.hostinfo->sharee_node;
    out.location = node.hostinfo->location;
  }
  return out;
}

StatusPath path_of(const StatusInput& input,
                   const Node& peer,
                   const std::optional<PeerFacts>& facts) {
  StatusPath out;
  out.state = text_of(facts ? facts->path.state : path::PathState::Idle);
  if (facts && facts->path.since != TimePoint{}) {
    out.since = wall_time(input, facts->path.since);
  }
  if (facts && facts->path.latency) {
    out.latency_seconds = std::chrono::duration<double>(*facts->path.latency).count();
  }
  out.why = why_not_direct(input, peer, facts);
  return out;
}

bool varies_by_destination(const Node& peer) {
  return peer.hostinfo && peer.hostinfo->net_info &&
         peer.hostinfo->net_info->mapping_varies_by_dest_ip == true;
}

bool has_no_udp(const Node& peer) {
  return peer.hostinfo && peer.hostinfo->net_info && peer.hostinfo->net_info->working_udp == false;
}

}  // namespace

std::string why_not_direct(const StatusInput& input,
                           const Node& peer,
                           const std::optional<PeerFacts>& facts) {
  const std::string_view obstacle = why_no_tunnel(input.map, peer);
  if (!obstacle.empty()) return fmt::format("there is no tunnel: {}", obstacle);
  if (!facts) return "there is no tunnel";
  const path::PathState state = facts->path.state;
  if (state == path::PathState::Direct) return {};
  if (peer.is_wireguard_only) {
    return "a WireGuard device finds us: nothing was heard of it within the last three minutes";
  }
  const bool has_no_way = peer.endpoints.empty() && peer.home_derp == relay::kNoRegion;
  if (peer.online == false) return "the peer is offline";
  if (state == path::PathState::Idle) {
    return has_no_way ? "the peer has no addresses and no relay yet"
                      : "no packets are flowing, so no path is looked for";
  }
  if (state == path::PathState::Doubt) {
    return "the direct path has fallen silent: packets go both ways until one is proven";
  }
  if (has_no_way) return "the peer has no addresses and no relay yet";
  const std::string searching =
      fmt::format("looking for a direct path for {}", short_age(input.now - facts->path.since));
  // A report of a network without any answer says nothing about UDP while nothing was measured.
  const bool is_measured = !input.report.latencies.empty();
  if (is_measured && !input.report.udp) {
    return "UDP is blocked here: only the relay's TCP connection gets through";
  }
  if (has_no_udp(peer)) return "UDP is blocked at the peer";
  if (peer.endpoints.empty()) return fmt::format("the peer has told no addresses; {}", searching);
  if (input.report.mapping_varies_by_destination == true && varies_by_destination(peer)) {
    return fmt::format("both sides are behind a NAT that gives each destination another port; {}",
                       searching);
  }
  if (facts->path.candidates == 0) {
    return fmt::format("no address of the peer can be reached from here; {}", searching);
  }
  if (input.report.mapping_varies_by_destination == true) {
    return fmt::format("the NAT here gives each destination another port; {}", searching);
  }
  if (varies_by_destination(peer)) {
    return fmt::format("the peer's NAT gives each destination another port; {}", searching);
  }
  return fmt::format("none of the peer's {} addresses answers; {}", facts->path.candidates,
                     searching);
}

StatusPeer make_status_peer(const StatusInput& input, const Node& peer) {
  StatusPeer out = from_node(input, peer);
  const std::optional<PeerFacts> facts = input.facts ? input.facts(peer) : std::nullopt;
  out.online = peer.online.value_or(false);
  if (!out.online) out.last_seen = peer.last_seen;
  if (facts) {
    out.in_engine = facts->in_engine;
    out.in_magic_sock = true;
    out.rx_bytes = static_cast<std::int64_t>(facts->rx_bytes);
    out.tx_bytes = static_cast<std::int64_t>(facts->tx_bytes);
    out.last_handshake = facts->last_handshake;
    if (facts->last_sent) {
      out.last_write = wall_time(input, *facts->last_sent);
      out.active = input.now - *facts->last_sent < path::kSessionActive;
    }
    const bool is_there = facts->path.state != path::PathState::Idle;
    if (peer.is_wireguard_only) out.online = is_there;  // the server does not know
    if (facts->path.path.direct && (is_there || peer.is_wireguard_only)) {
      out.cur_addr = facts->path.path.direct->remote.to_string();
    }
    if (facts->path.path.relay) {
      out.relay = region_code(input.map, facts->path.path.relay->region);
    }
  }
  out.path = path_of(input, peer, facts);
  return out;
}

Status make_status(const StatusInput& input) {
  const BackendState state = backend_state(input.prefs, input.client, input.map);
  Status out;
  out.version = input.version;
  out.tun = input.has_tun;
  out.backend_state = to_string(state);
  out.have_node_key = input.have_node_key;
  out.auth_url = input.client.link;
  out.health = input.health;
  std::ranges::copy(input.map.health(), std::back_inserter(out.health));
  if (!input.map.self()) return out;

  const Node& self = *input.map.self();
  out.self = from_node(input, self);
  out.self->online = input.client.is_connected;
  out.self->addrs = input.endpoints;
  if (input.report.home != relay::kNoRegion) {
    out.self->relay = region_code(input.map, input.report.home);
  }
  out.overlay_ips = out.self->overlay_ips;
  out.magic_dns_suffix = input.map.name_suffix();
  out.current_network = StatusNetwork{.name = input.map.domain(),
                                      .magic_dns_suffix = out.magic_dns_suffix,
                                      .magic_dns_enabled = input.map.dns().proxied};
  out.cert_domains = input.map.dns().cert_domains;
  out.extra_records = input.map.dns().extra_records;
  out.users = input.map.users();
  if (input.map.client_version() != control::ClientVersion{}) {
    out.client_version = input.map.client_version();
  }
  if (!input.with_peers) return out;
  for (const auto& [id, peer] : input.map.peers()) {
    if (input.map.has_key(peer))
      out.peers.emplace(to_text(peer.key), make_status_peer(input, peer));
  }
  return out;
}

std::optional<WhoIs> make_who_is(const NetworkMap& map,
                                 const Node* node,
                                 const std::optional<IpAddress>& address) {
  if (node == nullptr) return std::nullopt;
  WhoIs out{.node = *node, .user_profile = std::nullopt, .cap_map = {}};
  if (address) name_device(map, *address, *out.node);
  const auto user = map.users().find(node->user);
  if (user != map.users().end()) out.user_profile = user->second;
  return out;
}

NetcheckAnswer make_netcheck(const path::Report& report, WallTime now) {
  NetcheckAnswer out;
  out.now = now;
  out.udp = report.udp;
  out.ipv4 = report.ipv4;
  out.ipv6 = report.ipv6;
  out.ipv4_can_send = report.ipv4;
  out.ipv6_can_send = report.ipv6;
  out.mapping_varies_by_dest_ip = report.mapping_varies_by_destination;
  out.preferred_derp = report.home;
  for (const path::RegionLatency& latency : report.latencies) {
    if (latency.best() != Duration::max()) out.region_latency[latency.region] = latency.best();
    if (latency.v4) out.region_v4_latency[latency.region] = *latency.v4;
    if (latency.v6) out.region_v6_latency[latency.region] = *latency.v6;
  }
  for (const Endpoint& seen : report.public_v4) out.global_v4_counters[seen.to_string()] = 1;
  for (const Endpoint& seen : report.public_v6) out.global_v6_counters[seen.to_string()] = 1;
  if (!report.public_v4.empty()) out.global_v4 = report.public_v4.front().to_string();
  if (!report.public_v6.empty()) out.global_v6 = report.public_v6.front().to_string();
  return out;
}

}  // namespace warren::node
