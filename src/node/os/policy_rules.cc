#include "node/os/policy_rules.h"

#include <algorithm>
#include <vector>

#include "io/route.h"
#include "node/os/names.h"

namespace warren::node {

namespace {

constexpr std::uint32_t kDefaultTable = 253;  // linux/rtnetlink.h: RT_TABLE_DEFAULT

io::Rule rule_for(io::AddressFamily family, std::uint32_t priority, std::uint32_t table) {
  io::Rule out;
  out.family = family;
  out.priority = priority;
  out.table = table;
  out.protocol = kRouteProtocol;
  return out;
}

io::Rule marked(io::Rule rule) {
  rule.mark = kMark;
  rule.mark_mask = kMarkMask;
  return rule;
}

void keep_first(Result<void>& first, Result<void> result) {
  if (first && !result) first = std::move(result);
}

}  // namespace

std::array<io::Rule, 4> policy_rules(io::AddressFamily family) {
  io::Rule nowhere = marked(rule_for(family, kMarkedToNowhere, 0));
  nowhere.action = io::RuleAction::Unreachable;
  return {marked(rule_for(family, kMarkedToMain, io::kMainTable)),
          marked(rule_for(family, kMarkedToDefault, kDefaultTable)), nowhere,
          rule_for(family, kAllToOverlay, kTable)};
}

bool is_ours(const io::Rule& rule) {
  return rule.protocol == kRouteProtocol && rule.priority >= kMarkedToMain &&
         rule.priority <= kLastPriority;
}

Result<std::size_t> ensure_policy_rules(io::Netlink& netlink) {
  std::size_t made = 0;
  for (const auto family : {io::AddressFamily::V4, io::AddressFamily::V6}) {
    for (const io::Rule& rule : policy_rules(family)) {
      auto added = io::add_rule(netlink, rule);
      if (added) {
        ++made;
      } else if (added.error().code == Errc::Unsupported && family == io::AddressFamily::V6) {
        return made;
      } else if (added.error().code != Errc::AlreadyExists) {
        return unexpected(std::move(added).error());
      }
    }
  }
  return made;
}

Result<Removed> remove_ours(io::Netlink& netlink) {
  Removed removed;
  Result<void> outcome;
  WARREN_TRY(std::vector<io::Rule> rules, io::list_rules(netlink));
  std::erase_if(rules, [](const io::Rule& rule) { return !is_ours(rule); });
  // Last first: marked packets must not get into the overlay meanwhile.
  std::ranges::sort(rules, std::ranges::greater(), &io::Rule::priority);
  for (const io::Rule& rule : rules) {
    keep_first(outcome, io::ensure_no_rule(netlink, rule));
    ++removed.rules;
  }
  WARREN_TRY(const std::vector<io::Route> routes,
             io::list_routes(netlink, {.table = kTable, .protocol = kRouteProtocol}));
  for (const io::Route& route : routes) {
    keep_first(outcome, io::ensure_no_route(netlink, route));
    ++removed.routes;
  }
  if (!outcome) return unexpected(std::move(outcome).error());
  return removed;
}

Result<Removed> clean_host() {
  WARREN_TRY(io::Netlink netlink, io::Netlink::open());
  return remove_ours(netlink);
}

}  // namespace warren::node
