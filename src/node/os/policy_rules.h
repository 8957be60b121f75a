#pragma once

#include <array>
#include <cstddef>

#include "base/result.h"
#include "io/netlink.h"
#include "io/rule.h"

namespace warren::node {

// The rules that lead into the overlay's table (spec: node-features section 5.2), in the order in
// which the kernel asks them.
std::array<io::Rule, 4> policy_rules(io::AddressFamily family);

// A rule that a node has made: this one, or another life of it.
bool is_ours(const io::Rule& rule);

// Makes those that are missing, and says how many. A kernel without IPv6, or without rules for it,
// has those of IPv4 alone.
Result<std::size_t> ensure_policy_rules(io::Netlink& netlink);

struct Removed {
  std::size_t rules = 0;
  std::size_t routes = 0;

  bool operator==(const Removed&) const = default;
};

// All rules and routes that a node has made, of both families; others' stay. Goes on after a
// failure, which it returns.
Result<Removed> remove_ours(io::Netlink& netlink);

// What `warrend --cleanup` does: the host as if there had never been a node. For when none runs;
// one that does would lose its routes. (A TUN device goes with its process, and its addresses and
// routes with it.)
Result<Removed> clean_host();

}  // namespace warren::node
