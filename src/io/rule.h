#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "io/netlink.h"
#include "io/udp_socket.h"

namespace warren::io {

enum class RuleAction : std::uint8_t { Lookup, Unreachable };

// A policy routing rule: "packets (not) marked so look in this table", or go nowhere.
struct Rule {
  AddressFamily family = AddressFamily::V4;
  std::uint32_t priority = 0;  // lower is asked first
  RuleAction action = RuleAction::Lookup;
  std::uint32_t table = 0;                           // 0 when the action is not Lookup
  std::optional<std::uint32_t> mark = std::nullopt;  // none: all packets
  std::uint32_t mark_mask = 0xffffffff;
  bool invert = false;  // holds for packets that do not match
  std::optional<std::uint32_t> suppress_shorter =
      std::nullopt;           // ignore routes of this prefix length or shorter
  std::uint8_t protocol = 4;  // RTPROT_STATIC; tells our rules from others'

  bool operator==(const Rule&) const = default;
};

Result<void> add_rule(Netlink& netlink, const Rule& rule);
Result<void> remove_rule(Netlink& netlink, const Rule& rule);

inline Result<void> ensure_rule(Netlink& netlink, const Rule& rule) {
  return unless(Errc::AlreadyExists, add_rule(netlink, rule));
}

inline Result<void> ensure_no_rule(Netlink& netlink, const Rule& rule) {
  return unless(Errc::NotFound, remove_rule(netlink, rule));
}

// Both families, those with an action that Rule has.
Result<std::vector<Rule>> list_rules(Netlink& netlink);

// Of an RTM_NEWRULE or RTM_DELRULE message; none when it is malformed or has another action.
std::optional<Rule> read_rule(const nlmsghdr& message);

}  // namespace warren::io
