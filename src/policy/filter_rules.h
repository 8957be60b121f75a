#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/address_range.h"

// What may come in, as typed values, and how the control protocol writes it (spec: control section
// 7.6). Rules are allows: a packet needs one that matches, their order means nothing.
namespace warren::policy {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = UINT16_MAX;

  bool contains(std::uint16_t port) const { return first <= port && port <= last; }

  bool is_all() const { return first == 0 && last == UINT16_MAX; }

  auto operator<=>(const PortRange&) const = default;
};

struct FilterDestination {
  AddressRange addresses;
  PortRange ports;

  auto operator<=>(const FilterDestination&) const = default;
};

struct FilterRule {
  std::vector<AddressRange> sources;
  std::vector<FilterDestination> destinations;
  std::vector<std::uint8_t> protocols;  // IP protocol numbers; none: the rule matches nothing

  bool operator==(const FilterRule&) const = default;
};

struct FilterRules {
  std::vector<FilterRule> rules;
  std::size_t ignored_parts = 0;  // of what came: texts and numbers that mean nothing

  bool operator==(const FilterRules&) const = default;
};

// --- as it comes

struct WireDestination {
  std::string addresses;
  std::int64_t first_port = 0;
  std::int64_t last_port = 0;
  bool has_bits = false;  // the field Bits was there
};

struct WireRule {
  std::vector<std::string> sources;
  std::vector<WireDestination> destinations;
  std::vector<std::int64_t> protocols;  // none: TCP, UDP, ICMP, ICMPv6
  bool has_source_bits = false;         // the field SrcBits was there
};

// The addresses of the peers that have a node capability: what a source "cap:NAME" stands for.
using CapabilityAddresses = std::map<std::string, std::vector<IpAddress>, std::less<>>;

// Parts that mean nothing are left out and counted: an unknown text, host bits in a prefix, a
// backward range, a number out of range. So are rules without ports (capability grants), uncounted.
// Fails where a rule uses the old Bits fields: half understood, such a filter would allow too much.
Result<FilterRules> parse_filter_rules(std::span<const WireRule> rules,
                                       const CapabilityAddresses& capabilities);

}  // namespace warren::policy
