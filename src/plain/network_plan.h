#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plain/network.h"
#include "proto/wgquick/config.h"

// What a configuration asks of the host's network, as wg-quick(8) reads it. Pure.
namespace warren::plain {

struct NetworkPlan {
  std::vector<wgquick::InterfaceAddress> addresses;
  unsigned mtu = 0;
  std::vector<DeviceRoute> routes;  // sorted, without the default routes below
  // Table = auto and a /0: routed in a table of our own, with policy rules.
  bool default_v4 = false;
  bool default_v6 = false;
  std::uint32_t mark = 0;  // of outer packets, 0: none. Never 0 with a default route
  std::uint32_t mark_mask = 0;
};

// `route_tables` is the text of /etc/iproute2/rt_tables, for tables by name.
Result<NetworkPlan> plan_network(const wgquick::Config& config, std::string_view route_tables);

// The two rules of one family in a slot: main's routes but its default come first, then everything
// that we have not sent ourselves takes the slot's table.
std::vector<PolicyRule> rules_of_slot(std::uint32_t slot, const NetworkPlan& plan);
std::uint32_t table_of_slot(std::uint32_t slot);

// The number of a table in rt_tables (`NUMBER NAME` a line); none when it has no such name.
std::optional<std::uint32_t> find_route_table(std::string_view route_tables, std::string_view name);

}  // namespace warren::plain
