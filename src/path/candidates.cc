#include "path/candidates.h"

#include <algorithm>

#include "path/constants.h"

namespace warren::path {

namespace {

// fd7a:115c:a1e0::/48: addresses inside the overlay lead back into it. (100.64.0.0/10 does not say
// so: carriers use it too, spec: paths section 9.3.)
bool is_overlay_v6(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 6> kPrefix{0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0};
  return address.is_v6() && std::ranges::equal(address.bytes().first(kPrefix.size()), kPrefix);
}

// RFC 1918 and ULA: the same network, where nobody's NAT is in the way.
bool is_private(const IpAddress& address) {
  const auto bytes = address.bytes();
  if (address.is_v6()) return (bytes[0] & 0xfe) == 0xfc;
  return bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xf0) == 16) ||
         (bytes[0] == 192 && bytes[1] == 168);
}

// Latency, weighed by the kind of address.
Duration cost(const Candidate& candidate) {
  Duration out = candidate.latency;
  if (is_private(candidate.endpoint.address)) out = out * 4 / 5;
  if (candidate.endpoint.address.is_v6()) out = out * 9 / 10;
  return out;
}

}  // namespace

bool is_plausible(const Endpoint& endpoint) {
  const IpAddress& address = endpoint.address;
  return endpoint.port != 0 && !address.is_unspecified() && !address.is_multicast() &&
         !address.is_loopback() && !is_overlay_v6(address) &&
         (address.is_v4() || !address.is_link_local() || endpoint.scope != 0);
}

bool is_better(const Candidate& a, const Candidate& b) {
  const bool same_kind = is_private(a.endpoint.address) == is_private(b.endpoint.address);
  const Duration margin = std::max(cost(b) / 10, same_kind ? Duration(1ms) : Duration::zero());
  return cost(a) + margin < cost(b);
}

Candidate* Candidates::find(const Endpoint& endpoint) {
  const auto found = std::ranges::find(entries_, endpoint, &Candidate::endpoint);
  return found == entries_.end() ? nullptr : &*found;
}

const Candidate* Candidates::find(const Endpoint& endpoint) const {
  const auto found = std::ranges::find(entries_, endpoint, &Candidate::endpoint);
  return found == entries_.end() ? nullptr : &*found;
}

void Candidates::set_configured(std::span<const Endpoint> endpoints) {
  for (Candidate& entry : entries_) entry.configured = false;
  for (const Endpoint& endpoint : endpoints.first(std::min(endpoints.size(), kMaxConfigured))) {
    if (!is_plausible(endpoint)) continue;
    if (Candidate* const entry = add(endpoint)) entry->configured = true;
  }
}

void Candidates::set_called(std::span<const Endpoint> endpoints) {
  for (Candidate& entry : entries_) entry.called = false;
  for (const Endpoint& endpoint : endpoints.first(std::min(endpoints.size(), kMaxCalled))) {
    if (!is_plausible(endpoint)) continue;
    if (Candidate* const entry = add(endpoint)) entry->called = true;
  }
}

Candidate* Candidates::see(const UdpPath& from, TimePoint now) {
  Candidate* const entry = add(from.remote);
  if (entry == nullptr) return nullptr;
  entry->last_seen = now;
  entry->local = from.source;
  return entry;
}

// The entry for `endpoint`, in the place of one that nobody names now when the table is full.
Candidate* Candidates::add(const Endpoint& endpoint) {
  if (Candidate* const known = find(endpoint)) return known;
  if (entries_.size() >= kMaxCandidates) {
    const auto oldest = std::ranges::min_element(entries_, {}, [](const Candidate& entry) {
      const bool named = entry.configured || entry.called;
      return std::pair(named, std::max(entry.last_seen, entry.last_pong));
    });
    if (oldest->configured || oldest->called) return nullptr;
    entries_.erase(oldest);
    ++evicted_;
  }
  Candidate& entry = entries_.emplace_back();
  entry.endpoint = endpoint;
  return &entry;
}

void Candidates::prune(const std::optional<Endpoint>& keep, TimePoint now) {
  std::erase_if(entries_, [&](const Candidate& entry) {
    const bool seen = entry.last_seen != TimePoint::min() && now - entry.last_seen <= kSeenFor;
    return !entry.configured && !entry.called && !seen && entry.endpoint != keep;
  });
}

void Candidates::forget_proofs() {
  for (Candidate& entry : entries_) {
    entry.local.reset();
    entry.last_ping = TimePoint::min();
    entry.last_pong = TimePoint::min();
  }
}

}  // namespace warren::path
