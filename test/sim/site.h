#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/firewall.h"
#include "lab/nat.h"
#include "sim/internet.h"
#include "sim/router.h"

namespace warren::sim {

// The kind of place a machine is in: what stands between it and the Internet.
struct Site {
  std::string name;
  std::optional<lab::NatConfig> home;     // the router's NAT; none: a public address
  std::optional<lab::NatConfig> carrier;  // another one above it
  bool has_v6 = false;                    // behind a stateful firewall
  lab::Block block = lab::Block::Nothing;
};

// Every kind that is told apart in docs/traversal.md.
const std::vector<Site>& all_sites();
const Site& site(std::string_view name);

// Whether two machines there can reach each other directly without guessing ports (spec: paths
// Appendix B).
bool can_be_direct(const Site& a, const Site& b);

// The routers of one such place, made in an Internet.
struct SiteRouters {
  Router* home = nullptr;     // where the machine attaches
  Router* carrier = nullptr;  // null: none

  Router* outer() const { return carrier != nullptr ? carrier : home; }
};

SiteRouters make_site(Internet& internet, const Site& site, const std::string& name, int number);

}  // namespace warren::sim
