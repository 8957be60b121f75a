#include "path/own_endpoints.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "path/candidates.h"
#include "path/constants.h"

namespace warren::path {

namespace {

bool contains(const std::vector<Endpoint>& list, const Endpoint& endpoint) {
  return std::ranges::find(list, endpoint) != list.end();
}

}  // namespace

void OwnEndpoints::set_network(const LocalNetwork& network, bool is_same_network) {
  network_ = network;
  if (is_same_network) return;
  observed_.clear();
  last_observed_.reset();
}

bool OwnEndpoints::observe(const Endpoint& endpoint, TimePoint now) {
  if (!is_plausible(endpoint)) return false;
  last_observed_ = now;
  std::erase_if(observed_, [&](const Observed& entry) { return now - entry.last > kObservedFor; });
  const auto known = std::ranges::find(observed_, endpoint, &Observed::endpoint);
  if (known != observed_.end()) {
    known->last = now;
    ++known->times;
    return false;
  }
  if (observed_.size() == kMaxObserved)
    observed_.erase(std::ranges::min_element(observed_, {}, &Observed::last));
  observed_.push_back({.endpoint = endpoint, .last = now, .times = 1});
  return true;
}

std::vector<Endpoint> OwnEndpoints::observed(bool is_v6, TimePoint now) const {
  std::vector<Observed> found;
  std::ranges::copy_if(observed_, std::back_inserter(found), [&](const Observed& entry) {
    return entry.endpoint.address.is_v6() == is_v6 && now - entry.last <= kObservedFor;
  });
  std::ranges::sort(found, std::ranges::greater(), [](const Observed& entry) {
    return std::tuple(entry.times, entry.last, entry.endpoint);
  });
  std::vector<Endpoint> out;
  out.reserve(found.size());
  for (const Observed& entry : found) out.push_back(entry.endpoint);
  return out;
}

std::vector<Endpoint> OwnEndpoints::list(TimePoint now) const {
  std::vector<Endpoint> out = observed(false, now);
  for (const Endpoint& endpoint : observed(true, now)) out.push_back(endpoint);

  std::map<std::vector<std::uint8_t>, std::size_t> per_prefix;
  for (const InterfaceAddress& local : network_.addresses) {
    const bool is_v6 = local.address.is_v6();
    const Endpoint endpoint{.address = local.address,
                            .port = is_v6 ? network_.port_v6 : network_.port_v4};
    if (local.address.is_link_local() || !is_plausible(endpoint) || contains(out, endpoint))
      continue;
    if (is_v6) {
      const auto prefix = local.address.bytes().first(8);  // a /64
      if (++per_prefix[{prefix.begin(), prefix.end()}] > kMaxV6PerPrefix) continue;
    }
    out.push_back(endpoint);
  }
  if (out.size() > kMaxOwnEndpoints) out.resize(kMaxOwnEndpoints);
  return out;
}

}  // namespace warren::path
