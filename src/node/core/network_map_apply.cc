#include <algorithm>
#include <limits>

#include "node/core/network_map.h"

namespace warren::node {

using control::MapResponse;
using control::Node;
using control::NodeId;

namespace {

// 2023-01-10: a clock that stands before is wrong, and nobody's key expires by it (spec: control
// section 5.4, ControlTime).
constexpr std::int64_t kSensibleClock = 1'673'308'800;
// Smaller differences of clocks do not count (spec: control section 5.4, ControlTime).
constexpr std::int64_t kClockTolerance = 60;
// Before every expiry.
constexpr WallTime kNothingExpired{.seconds = std::numeric_limits<std::int64_t>::min()};

// In the keys of patches: all of them (spec: control section 5.4).
constexpr std::string_view kAll = "*";
// The chunk that PacketFilter is (spec: control section 5.4).
constexpr std::string_view kBaseChunk = "base";
// A source that names a node capability (spec: control section 7.6).
constexpr std::string_view kCapSource = "cap:";

// Means something else on every machine or link.
bool is_never_routed(const IpAddress& address) {
  return address.is_loopback() || address.is_multicast() || address.is_link_local();
}

bool is_node_address(const IpPrefix& prefix) {
  return prefix.is_single() && !prefix.address().is_unspecified() &&
         !is_never_routed(prefix.address());
}

template <class T>
std::size_t cut(std::vector<T>& list, std::size_t most) {
  if (list.size() <= most) return 0;
  const std::size_t excess = list.size() - most;
  list.resize(most);
  return excess;
}

// Puts in what differs.
template <class T>
bool replace(T& place, T value) {
  if (place == value) return false;
  place = std::move(value);
  return true;
}

// Null deletes, "*" with null deletes all, first.
template <class T>
void patch_entries(std::map<std::string, T>& entries,
                   std::map<std::string, std::optional<T>>& patch,
                   std::size_t most,
                   std::uint64_t& refused) {
  const auto all = patch.find(std::string(kAll));
  if (all != patch.end() && !all->second) entries.clear();
  for (auto& [name, value] : patch) {
    if (!value) {
      entries.erase(name);
    } else if (entries.size() < most || entries.contains(name)) {
      entries.insert_or_assign(name, std::move(*value));
    } else {
      ++refused;
    }
  }
}

}  // namespace

struct NetworkMap::Update {
  MapChange change;
  std::set<NodeId> touched;         // they may be gone again
  std::set<NodeId> added;           // were not there before
  std::set<NodeId> removed;         // were
  std::set<NodePublicKey> dropped;  // keys that some peer had before; another may have them now
};

MapChange NetworkMap::apply(MapNews news, WallTime now) {
  MapResponse& map = news.map;
  Update update;
  update.change.is_first = news.is_first;
  const bool was_expired = self_ && is_expired(*self_);
  if (map.control_time) is_server_clock_wrong_ = map.control_time->seconds < kSensibleClock;
  if (map.control_time && !is_server_clock_wrong_) {
    ahead_ = map.control_time->seconds - now.seconds;
    if (std::abs(ahead_) <= kClockTolerance) ahead_ = 0;
  }
  if (!map.keep_alive || news.is_first) {
    apply_peers(map, news.is_first, now, update);
    apply_self(std::move(map.node), news.is_first, update);
    apply_filter(map, news.is_first, update);
    apply_relays(map.derp_map, news.is_first, update);
    apply_health(map, news.is_first, update);
    apply_rest(map, news.is_first, update);
  }
  judge_expiry(now, update);
  if (was_expired != (self_ && is_expired(*self_))) update.change.self = true;
  return finish(update);
}

MapChange NetworkMap::on_time(WallTime now) {
  Update update;
  const bool was_expired = self_ && is_expired(*self_);
  judge_expiry(now, update);
  update.change.self = was_expired != (self_ && is_expired(*self_));
  return finish(update);
}

std::optional<WallTime> NetworkMap::next_expiry() const {
  std::optional<WallTime> next;
  const auto peer = expiries_.upper_bound({judged_at_, NodeId{INT64_MAX}});
  if (peer != expiries_.end()) next = peer->first;
  if (self_ && self_->key_expiry && *self_->key_expiry > judged_at_) {
    next = next ? std::min(*next, *self_->key_expiry) : *self_->key_expiry;
  }
  if (!next || is_server_clock_wrong_) return std::nullopt;
  next->seconds = std::max(next->seconds, kSensibleClock) - ahead_;
  return next;
}

// --- peers

void NetworkMap::apply_peers(MapResponse& map, bool is_first, WallTime now, Update& update) {
  if (is_first || !map.peers.empty()) {
    const bool is_whole = !map.peers.empty();
    replace_peers(std::move(map.peers), update);
    if (is_whole) return;
  }
  for (const NodeId id : map.peers_removed) {
    if (!remove_peer(id, update)) ++counters_.unknown_peers;
  }
  for (Node& peer : map.peers_changed) put_peer(std::move(peer), update);
  for (const auto& [id, is_seen] : map.peer_seen_change) {
    patch_peer(id, update,
               [&](Node& peer) { peer.last_seen = is_seen ? std::optional(now) : std::nullopt; });
  }
  for (const auto& [id, is_online] : map.online_change) {
    patch_peer(id, update, [&](Node& peer) { peer.online = is_online; });
  }
  for (const control::PeerChange& patch : map.peers_changed_patch) apply_patch(patch, update);
}

void NetworkMap::replace_peers(std::vector<Node> peers, Update& update) {
  std::set<NodeId> named;
  for (const Node& peer : peers) {
    if (!named.insert(peer.id).second) ++counters_.refused_peers;
  }
  std::vector<NodeId> gone;
  for (const auto& [id, peer] : peers_) {
    if (!named.contains(id)) gone.push_back(id);
  }
  for (const NodeId id : gone) remove_peer(id, update);
  for (Node& peer : peers) put_peer(std::move(peer), update);
}

void NetworkMap::put_peer(Node peer, Update& update) {
  const auto known = peers_.find(peer.id);
  const bool is_usable = clean(peer) && (known != peers_.end() || peers_.size() < kMaxMapPeers);
  if (!is_usable) {
    // What was known of it is not true any more either.
    ++counters_.refused_peers;
    remove_peer(peer.id, update);
    return;
  }
  const NodeId id = peer.id;
  if (known == peers_.end()) {
    link_peer(peer, update);
    update.change.filter |= filter_depends_on(peer);
    peers_.emplace(id, std::move(peer));
    if (!update.removed.erase(id)) update.added.insert(id);
  } else {
    Node& place = known->second;
    if (place == peer) return;
    const bool has_same_claims = place.key == peer.key && place.addresses == peer.addresses &&
                                 place.allowed_ips == peer.allowed_ips;
    const bool has_same_rights = has_same_claims && place.cap_map == peer.cap_map &&
                                 place.is_jailed == peer.is_jailed &&
                                 place.unsigned_peer_api_only == peer.unsigned_peer_api_only;
    if (!has_same_rights) {
      update.change.filter |= filter_depends_on(place) || filter_depends_on(peer);
    }
    if (!has_same_claims) unlink_peer(place, update);
    if (place.key_expiry != peer.key_expiry) {
      if (place.key_expiry) expiries_.erase({*place.key_expiry, id});
      if (peer.key_expiry) expiries_.insert({*peer.key_expiry, id});
    }
    place = std::move(peer);
    if (!has_same_claims) link_peer(place, update);
  }
  update.touched.insert(id);
}

bool NetworkMap::remove_peer(NodeId id, Update& update) {
  const auto known = peers_.find(id);
  if (known == peers_.end()) return false;
  update.change.filter |= filter_depends_on(known->second);
  unlink_peer(known->second, update);
  if (known->second.key_expiry) expiries_.erase({*known->second.key_expiry, id});
  peers_.erase(known);
  if (!update.added.erase(id)) update.removed.insert(id);
  return true;
}

void NetworkMap::link_peer(const Node& peer, Update& update) {
  std::set<NodeId> affected;
  claims_.add(peer, affected);
  note_claims(affected, update);
  if (peer.key_expiry) expiries_.insert({*peer.key_expiry, peer.id});
}

void NetworkMap::unlink_peer(const Node& peer, Update& update) {
  std::set<NodeId> affected;
  claims_.remove(peer, affected);
  note_claims(affected, update);
  if (!update.added.contains(peer.id)) update.dropped.insert(peer.key);
}

void NetworkMap::note_claims(const std::set<NodeId>& affected, Update& update) {
  update.change.device = true;
  for (const NodeId id : affected) {
    update.touched.insert(id);
    const auto peer = peers_.find(id);
    if (peer != peers_.end()) update.change.filter |= filter_depends_on(peer->second);
  }
}

template <class Change>
void NetworkMap::patch_peer(NodeId id, Update& update, Change change) {
  const auto known = peers_.find(id);
  if (known == peers_.end()) {
    ++counters_.unknown_peers;
    return;
  }
  Node patched = known->second;
  change(patched);
  put_peer(std::move(patched), update);
}

void NetworkMap::apply_patch(const control::PeerChange& patch, Update& update) {
  patch_peer(patch.node_id, update, [&](Node& peer) {
    // The peer went away with this disco key, and may have come back with another since (spec:
    // control section 5.5).
    const bool is_farewell = patch.disco_key && patch.online == false && patch.last_seen;
    if (is_farewell && peer.last_seen && *patch.last_seen <= *peer.last_seen) {
      ++counters_.stale_patches;
      return;
    }
    if (patch.derp_region != relay::kNoRegion) peer.home_derp = patch.derp_region;
    if (patch.cap != control::CapVersion{}) peer.cap = patch.cap;
    if (patch.cap_map) peer.cap_map = *patch.cap_map;
    if (patch.endpoints) peer.endpoints = *patch.endpoints;
    if (patch.key) peer.key = *patch.key;
    if (!patch.key_signature.empty()) peer.key_signature = patch.key_signature;
    if (patch.disco_key) peer.disco_key = *patch.disco_key;
    if (patch.online) peer.online = patch.online;
    if (patch.last_seen) peer.last_seen = patch.last_seen;
    if (patch.key_expiry) peer.key_expiry = *patch.key_expiry;
  });
}

void NetworkMap::clean_prefixes(Node& node) {
  counters_.refused_prefixes +=
      std::erase_if(node.addresses, [](const auto& prefix) { return !is_node_address(prefix); });
  counters_.refused_prefixes += cut(node.addresses, kMaxPeerAddresses);
  if (!node.allowed_ips) return;
  counters_.refused_prefixes += std::erase_if(
      *node.allowed_ips, [](const IpPrefix& prefix) { return is_never_routed(prefix.address()); });
  counters_.refused_prefixes += cut(*node.allowed_ips, kMaxPeerPrefixes);
}

bool NetworkMap::clean(Node& peer) {
  if (peer.id.value <= 0 || peer.key.is_zero()) return false;
  clean_prefixes(peer);
  cut(peer.endpoints, kMaxPeerEndpoints);
  const std::size_t prefixes = peer.addresses.size() + peer.effective_allowed_ips().size();
  if (claims_.size() + prefixes > kMaxMapPrefixes) {
    counters_.refused_prefixes += prefixes;
    peer.addresses.clear();
    peer.allowed_ips.reset();
  }
  return true;
}

// --- ourselves

void NetworkMap::apply_self(std::optional<Node> self, bool is_first, Update& update) {
  if (self || is_first) {
    if (self) clean_prefixes(*self);
    const std::vector<IpPrefix> before = self_ ? self_->addresses : std::vector<IpPrefix>{};
    if (replace(self_, std::move(self))) update.change.self = true;
    const std::vector<IpPrefix> after = self_ ? self_->addresses : std::vector<IpPrefix>{};
    // A peer cannot have what is ours.
    if (before != after) {
      std::set<NodeId> affected;
      for (const auto* const list : {&before, &after}) {
        for (const IpPrefix& prefix : *list) {
          const auto owner = claims_.owner(prefix);
          if (owner) affected.insert(*owner);
        }
      }
      note_claims(affected, update);
    }
  }
  if (!self_) return;
  // We are no peer of ours.
  if (remove_peer(self_->id, update)) ++counters_.refused_peers;
  while (const auto id = claims_.owner(self_->key)) {
    remove_peer(*id, update);
    ++counters_.refused_peers;
  }
}

void NetworkMap::judge_expiry(WallTime now, Update& update) {
  WallTime judged{.seconds = now.seconds + ahead_, .nanoseconds = now.nanoseconds};
  if (is_server_clock_wrong_ || judged.seconds < kSensibleClock) judged = kNothingExpired;
  const auto [from, to] = std::minmax(judged_at_, judged);
  const auto last = expiries_.upper_bound({to, NodeId{INT64_MAX}});
  for (auto at = expiries_.upper_bound({from, NodeId{INT64_MAX}}); at != last; ++at) {
    update.touched.insert(at->second);
  }
  judged_at_ = judged;
}

// --- the rest

void NetworkMap::apply_filter(MapResponse& map, bool is_first, Update& update) {
  if (!is_first && !map.packet_filter && map.packet_filters.empty()) return;
  auto filter = is_first ? decltype(filter_){} : filter_;
  if (map.packet_filter) filter[std::string(kBaseChunk)] = *std::move(map.packet_filter);
  patch_entries(filter, map.packet_filters, kMaxFilterChunks, counters_.refused_entries);
  if (!replace(filter_, std::move(filter))) return;
  update.change.filter = true;
  filter_caps_.clear();
  for (const auto& [name, rules] : filter_) {
    for (const control::FilterRule& rule : rules) {
      for (const std::string& source : rule.src_ips) {
        if (source.starts_with(kCapSource)) filter_caps_.insert(source.substr(kCapSource.size()));
      }
    }
  }
}

bool NetworkMap::filter_depends_on(const Node& peer) const {
  if (peer.is_jailed || peer.unsigned_peer_api_only) return true;
  return std::ranges::any_of(
      filter_caps_, [&peer](const std::string& cap) { return peer.cap_map.contains(cap); });
}

void NetworkMap::apply_relays(std::optional<control::DerpMap>& news,
                              bool is_first,
                              Update& update) {
  if (!is_first && !news) return;
  control::DerpMap map = is_first ? control::DerpMap{} : relay_map_;
  if (news) {
    if (news->regions) {
      map.regions = std::move(news->regions);
      map.omit_default_regions = news->omit_default_regions;
    }
    if (news->home_params) {
      auto& params = map.home_params ? *map.home_params : map.home_params.emplace();
      if (news->home_params->region_score) {
        params.region_score = std::move(news->home_params->region_score);
      }
    }
  }
  if (replace(relay_map_, std::move(map))) update.change.relays = true;
}

void NetworkMap::apply_health(MapResponse& map, bool is_first, Update& update) {
  if (!is_first && !map.health && map.display_messages.empty()) return;
  auto health = is_first ? decltype(health_){} : health_;
  auto messages = is_first ? decltype(messages_){} : messages_;
  if (map.health) health = *std::move(map.health);
  counters_.refused_entries += cut(health, kMaxHealthMessages);
  patch_entries(messages, map.display_messages, kMaxHealthMessages, counters_.refused_entries);
  const bool is_other = replace(health_, std::move(health));
  if (replace(messages_, std::move(messages)) || is_other) update.change.health = true;
}

void NetworkMap::apply_rest(MapResponse& map, bool is_first, Update& update) {
  if (is_first || map.dns_config) {
    update.change.dns = replace(dns_, std::move(map.dns_config).value_or(control::DnsConfig{}));
  }
  bool& names = update.change.names;
  if (is_first || !map.domain.empty()) names |= replace(domain_, std::move(map.domain));
  if (is_first || map.client_version) {
    names |=
        replace(client_version_, std::move(map.client_version).value_or(control::ClientVersion{}));
  }
  const auto before = is_first ? std::exchange(users_, {}) : decltype(users_){};
  for (control::UserProfile& user : map.user_profiles) {
    if (users_.size() >= kMaxUsers && !users_.contains(user.id)) {
      ++counters_.refused_entries;
      continue;
    }
    control::UserProfile& place = users_[user.id];
    const bool is_other = replace(place, std::move(user));
    names |= is_other && !is_first;
  }
  if (is_first) names |= before != users_;
}

MapChange NetworkMap::finish(Update& update) const {
  MapChange& change = update.change;
  for (const NodeId id : update.touched) {
    if (peers_.contains(id)) change.peers.push_back(id);
  }
  change.removed.assign(update.removed.begin(), update.removed.end());
  for (const NodePublicKey& key : update.dropped) {
    if (!claims_.owner(key)) change.removed_keys.push_back(key);
  }
  return std::move(change);
}

}  // namespace warren::node
