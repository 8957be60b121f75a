#include "plain/network_plan.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "plain/names.h"

namespace warren::plain {

namespace {

using Kind = wgquick::RouteTable::Kind;

Result<std::uint32_t> table_number(const wgquick::RouteTable& table,
                                   std::string_view route_tables) {
  if (table.kind == Kind::Number) return table.number;
  if (table.kind != Kind::Name) return kMainTable;
  if (const auto number = find_route_table(route_tables, table.name)) return *number;
  return fail(Errc::NotFound,
              fmt::format("Table = {}: /etc/iproute2/rt_tables has no such name; add it there, or "
                          "write the table's number",
                          table.name));
}

// The kernel routes the networks of the device's own addresses to it already.
bool is_connected(const NetworkPlan& plan, const IpPrefix& prefix) {
  return std::ranges::any_of(plan.addresses, [&](const wgquick::InterfaceAddress& address) {
    const IpPrefix network = address.network();
    return network.length() <= prefix.length() && network.contains(prefix.address());
  });
}

}  // namespace

Result<NetworkPlan> plan_network(const wgquick::Config& config, std::string_view route_tables) {
  const wgquick::Interface& interface = config.interface;
  NetworkPlan plan;
  plan.addresses = interface.addresses;
  plan.mtu = interface.mtu.value_or(kDefaultMtu);
  plan.mark = interface.fw_mark;
  plan.mark_mask = UINT32_MAX;
  if (interface.table.kind == Kind::Off) return plan;

  WARREN_TRY(const std::uint32_t table, table_number(interface.table, route_tables));
  const bool is_auto = interface.table.kind == Kind::Auto;
  for (const wgquick::Peer& peer : config.peers) {
    for (const IpPrefix& prefix : peer.allowed_ips) {
      if (is_auto && prefix.length() == 0) {
        (prefix.address().is_v6() ? plan.default_v6 : plan.default_v4) = true;
      } else if (!is_auto || !is_connected(plan, prefix)) {
        plan.routes.push_back({prefix, table});
      }
    }
  }
  std::ranges::sort(plan.routes);
  const auto [first, last] = std::ranges::unique(plan.routes);
  plan.routes.erase(first, last);
  if ((plan.default_v4 || plan.default_v6) && plan.mark == 0) {
    plan.mark = kDefaultMark;
    plan.mark_mask = kDefaultMarkMask;
  }
  return plan;
}

std::uint32_t table_of_slot(std::uint32_t slot) {
  return kFirstSlotPriority + 2 * slot + 1;
}

std::vector<PolicyRule> rules_of_slot(std::uint32_t slot, const NetworkPlan& plan) {
  std::vector<PolicyRule> out;
  for (const bool is_v6 : {false, true}) {
    if (!(is_v6 ? plan.default_v6 : plan.default_v4)) continue;
    const std::uint32_t first = kFirstSlotPriority + 2 * slot;
    out.push_back({.is_v6 = is_v6, .priority = first, .suppress_prefix_length = 0});
    out.push_back({.is_v6 = is_v6,
                   .priority = first + 1,
                   .table = table_of_slot(slot),
                   .not_marked = true,
                   .mark = plan.mark,
                   .mask = plan.mark_mask,
                   .suppress_prefix_length = std::nullopt});
  }
  return out;
}

std::optional<std::uint32_t> find_route_table(std::string_view route_tables,
                                              std::string_view name) {
  constexpr std::string_view kSpace = " \t\r";
  while (!route_tables.empty()) {
    const std::size_t end = std::min(route_tables.find('\n'), route_tables.size());
    std::string_view line = route_tables.substr(0, end);
    route_tables.remove_prefix(std::min(end + 1, route_tables.size()));
    line = line.substr(0, line.find('#'));
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    std::uint32_t number = 0;
    const auto [at, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc()) continue;
    line.remove_prefix(static_cast<std::size_t>(at - line.data()));
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    line = line.substr(0, line.find_first_of(kSpace));
    if (line == name) return number;
  }
  // What every system has, whether or not the file is there (rtnetlink(7)).
  if (name == "main") return kMainTable;
  if (name == "default") return 253;
  if (name == "local") return 255;
  return std::nullopt;
}

}  // namespace warren::plain
