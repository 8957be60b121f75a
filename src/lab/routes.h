#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace warren::lab {

using NodeIndex = std::uint32_t;  // a host or router of the Network

// Who is reached through which neighbour below a router.
class Routes {
 public:
  // None when it was added; else who has it already.
  std::optional<NodeIndex> add(const IpPrefix& prefix, NodeIndex through) {
    if (prefix.is_single()) {
      const auto [at, is_new] = addresses_.try_emplace(prefix.address(), through);
      return is_new ? std::nullopt : std::optional(at->second);
    }
    for (const auto& [other, owner] : prefixes_) {
      if (other == prefix) return owner;
    }
    prefixes_.emplace_back(prefix, through);
    return std::nullopt;
  }

  // The longest match.
  std::optional<NodeIndex> find(const IpAddress& address) const {
    const auto at = addresses_.find(address);
    if (at != addresses_.end()) return at->second;
    const std::pair<IpPrefix, NodeIndex>* best = nullptr;
    for (const auto& entry : prefixes_) {
      if (!entry.first.contains(address)) continue;
      if (best == nullptr || entry.first.length() > best->first.length()) best = &entry;
    }
    return best == nullptr ? std::nullopt : std::optional(best->second);
  }

 private:
  std::unordered_map<IpAddress, NodeIndex> addresses_;
  std::vector<std::pair<IpPrefix, NodeIndex>> prefixes_;  // few
};

}  // namespace warren::lab
