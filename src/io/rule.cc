#include "io/rule.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace warren::io {

namespace {

NetlinkRequest request_for(std::uint16_t type, unsigned flags, const Rule& rule) {
  fib_rule_hdr header{};
  header.family = rule.family == AddressFamily::V6 ? AF_INET6 : AF_INET;
  header.table = RT_TABLE_UNSPEC;  // FRA_TABLE holds all numbers
  header.action = rule.action == RuleAction::Unreachable ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL;
  header.flags = rule.invert ? FIB_RULE_INVERT : 0;
  NetlinkRequest out(type, flags, header);
  out.put_u32(FRA_PRIORITY, rule.priority);
  if (rule.action == RuleAction::Lookup) out.put_u32(FRA_TABLE, rule.table);
  out.put_u8(FRA_PROTOCOL, rule.protocol);
  if (rule.mark) {
    out.put_u32(FRA_FWMARK, *rule.mark);
    out.put_u32(FRA_FWMASK, rule.mark_mask);
  }
  if (rule.suppress_shorter) out.put_u32(FRA_SUPPRESS_PREFIXLEN, *rule.suppress_shorter);
  return out;
}

std::string describe(std::string_view verb, const Rule& rule) {
  const auto* family = rule.family == AddressFamily::V6 ? "IPv6" : "IPv4";
  if (rule.action == RuleAction::Unreachable)
    return fmt::format("{} {} rule {} (unreachable)", verb, family, rule.priority);
  return fmt::format("{} {} rule {} for table {}", verb, family, rule.priority, rule.table);
}

}  // namespace

std::optional<Rule> read_rule(const nlmsghdr& message) {
  const auto* header = netlink_header<fib_rule_hdr>(message);
  const bool is_rule = message.nlmsg_type == RTM_NEWRULE || message.nlmsg_type == RTM_DELRULE;
  if (!is_rule || header == nullptr) return std::nullopt;
  if (header->family != AF_INET && header->family != AF_INET6) return std::nullopt;
  if (header->action != FR_ACT_TO_TBL && header->action != FR_ACT_UNREACHABLE) return std::nullopt;
  const NetlinkAttributes attributes(message, sizeof *header);
  Rule out;
  out.family = header->family == AF_INET6 ? AddressFamily::V6 : AddressFamily::V4;
  out.priority = attributes.u32(FRA_PRIORITY).value_or(0);
  if (header->action == FR_ACT_UNREACHABLE) {
    out.action = RuleAction::Unreachable;
  } else {
    out.table = attributes.u32(FRA_TABLE).value_or(header->table);
  }
  out.invert = (header->flags & FIB_RULE_INVERT) != 0;
  out.protocol = attributes.u8(FRA_PROTOCOL).value_or(0);
  const std::uint32_t mask = attributes.u32(FRA_FWMASK).value_or(0);
  if (mask != 0) {
    out.mark = attributes.u32(FRA_FWMARK).value_or(0);
    out.mark_mask = mask;
  }
  // All ones stands for "none".
  const auto suppress = attributes.u32(FRA_SUPPRESS_PREFIXLEN);
  if (suppress && *suppress != 0xffffffff) out.suppress_shorter = suppress;
  return out;
}

Result<void> add_rule(Netlink& netlink, const Rule& rule) {
  NetlinkRequest request = request_for(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
  return netlink.change(request, describe("add", rule));
}

Result<void> remove_rule(Netlink& netlink, const Rule& rule) {
  NetlinkRequest request = request_for(RTM_DELRULE, 0, rule);
  return netlink.change(request, describe("remove", rule));
}

Result<std::vector<Rule>> list_rules(Netlink& netlink) {
  NetlinkRequest request(RTM_GETRULE, NLM_F_DUMP, fib_rule_hdr{});
  std::vector<Rule> out;
  WARREN_TRY_VOID(netlink.query(request, "list rules", [&](const nlmsghdr& message) {
    const auto rule = read_rule(message);
    if (rule) out.push_back(*rule);
  }));
  return out;
}

}  // namespace warren::io
