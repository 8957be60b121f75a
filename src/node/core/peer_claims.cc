#include "node/core/peer_claims.h"

#include <algorithm>

namespace warren::node {

using control::Node;
using control::NodeId;

namespace {

// The first claim of all that are possible on a prefix or key.
constexpr NodeId kLowestId{std::numeric_limits<std::int64_t>::min()};

const IpPrefix& subject(const std::tuple<IpPrefix, bool, NodeId>& claim) {
  return std::get<IpPrefix>(claim);
}

const NodePublicKey& subject(const std::pair<NodePublicKey, NodeId>& claim) {
  return claim.first;
}

template <class Claims, class Claim>
bool is_first(const Claims& claims, Claim at) {
  return at == claims.begin() || subject(*std::prev(at)) != subject(*at);
}

// Who comes behind the first claim, and now loses or gains by it.
template <class Claims, class Claim>
void note_next(const Claims& claims, Claim at, std::set<NodeId>& affected) {
  const auto next = std::next(at);
  if (is_first(claims, at) && next != claims.end() && subject(*next) == subject(*at)) {
    affected.insert(std::get<NodeId>(*next));
  }
}

template <class Claims>
void insert(Claims& claims,
            const typename Claims::value_type& claim,
            std::set<NodeId>& affected,
            std::uint64_t& contested) {
  const auto [at, is_new] = claims.insert(claim);
  if (!is_new) return;
  note_next(claims, at, affected);
  const auto next = std::next(at);
  const bool is_alone =
      is_first(claims, at) && (next == claims.end() || subject(*next) != subject(*at));
  if (!is_alone) ++contested;
}

template <class Claims>
void erase(Claims& claims, const typename Claims::value_type& claim, std::set<NodeId>& affected) {
  const auto at = claims.find(claim);
  if (at == claims.end()) return;
  note_next(claims, at, affected);
  claims.erase(at);
}

// Default routes are no claims: all exit nodes have them.
template <class Then>
void for_each_prefix(const Node& peer, Then then) {
  const OwnAddresses own(peer);
  for (const IpPrefix& prefix : peer.addresses) then(prefix, false);
  for (const IpPrefix& prefix : peer.effective_allowed_ips()) {
    if (prefix.length() > 0) then(prefix, !own.contain(prefix));
  }
}

}  // namespace

void PeerClaims::add(const Node& peer, std::set<NodeId>& affected) {
  insert(keys_, {peer.key, peer.id}, affected, contested_);
  for_each_prefix(peer, [&](const IpPrefix& prefix, bool is_route) {
    insert(prefixes_, {prefix, is_route, peer.id}, affected, contested_);
  });
}

void PeerClaims::remove(const Node& peer, std::set<NodeId>& affected) {
  erase(keys_, {peer.key, peer.id}, affected);
  for_each_prefix(peer, [&](const IpPrefix& prefix, bool is_route) {
    erase(prefixes_, {prefix, is_route, peer.id}, affected);
  });
}

std::optional<NodeId> PeerClaims::owner(const NodePublicKey& key) const {
  const auto at = keys_.lower_bound({key, kLowestId});
  if (at == keys_.end() || at->first != key) return std::nullopt;
  return at->second;
}

std::optional<NodeId> PeerClaims::owner(const IpPrefix& prefix) const {
  const auto at = prefixes_.lower_bound({prefix, false, kLowestId});
  if (at == prefixes_.end() || std::get<IpPrefix>(*at) != prefix) return std::nullopt;
  return std::get<NodeId>(*at);
}

std::optional<NodeId> PeerClaims::owner(const IpAddress& address) const {
  const IpPrefix prefix(address, address.bit_length());
  const auto at = prefixes_.lower_bound({prefix, false, kLowestId});
  const bool is_address =
      at != prefixes_.end() && std::get<IpPrefix>(*at) == prefix && !std::get<bool>(*at);
  if (!is_address) return std::nullopt;
  return std::get<NodeId>(*at);
}

OwnAddresses::OwnAddresses(const Node& node) : sorted_(node.addresses) {
  std::ranges::sort(sorted_);
}

bool OwnAddresses::contain(const IpPrefix& prefix) const {
  return std::ranges::binary_search(sorted_, prefix);
}

}  // namespace warren::node
