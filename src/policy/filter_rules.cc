#include "policy/filter_rules.h"

#include <optional>
#include <string_view>
#include <utility>

#include "proto/ip/headers.h"

namespace warren::policy {

namespace {

constexpr std::string_view kCapabilityPrefix = "cap:";

// Spec: policy section 4, "default set".
constexpr std::uint8_t kDefaultProtocols[] = {ip::protocol::kTcp, ip::protocol::kUdp,
                                              ip::protocol::kIcmp, ip::protocol::kIcmpV6};

std::optional<AddressRange> parse_span(std::string_view text, std::size_t dash) {
  const auto first = IpAddress::parse(text.substr(0, dash));
  const auto last = IpAddress::parse(text.substr(dash + 1));
  if (!first || !last || first->is_v6() != last->is_v6() || *first > *last) return std::nullopt;
  return AddressRange{.first = *first, .last = *last};
}

std::optional<AddressRange> parse_prefix(std::string_view text, std::size_t slash) {
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto prefix = IpPrefix::parse(text);
  if (!address || !prefix || prefix->address() != *address) return std::nullopt;
  return AddressRange::of(*prefix);
}

std::optional<AddressRange> parse_range(std::string_view text) {
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    return parse_span(text, dash);
  }
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    return parse_prefix(text, slash);
  }
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  return AddressRange::of(*address);
}

// The ranges that an address text stands for; none: it means nothing.
std::vector<AddressRange> parse_ranges(std::string_view text) {
  if (text == "*") return {AddressRange::all(false), AddressRange::all(true)};
  const auto range = parse_range(text);
  return range ? std::vector{*range} : std::vector<AddressRange>{};
}

std::optional<PortRange> ports_of(const WireDestination& wire) {
  if (wire.first_port < 0 || wire.last_port > UINT16_MAX || wire.first_port > wire.last_port) {
    return std::nullopt;
  }
  return PortRange{.first = static_cast<std::uint16_t>(wire.first_port),
                   .last = static_cast<std::uint16_t>(wire.last_port)};
}

class Parser {
 public:
  explicit Parser(const CapabilityAddresses& capabilities) : capabilities_(capabilities) {}

  void add(const WireRule& wire) {
    FilterRule rule;
    for (const std::string& text : wire.sources) add_source(text, rule.sources);
    for (const WireDestination& destination : wire.destinations) {
      add_destination(destination, rule.destinations);
    }
    for (const std::int64_t number : wire.protocols) {
      if (number >= 0 && number <= UINT8_MAX) {
        rule.protocols.push_back(static_cast<std::uint8_t>(number));
      } else {
        ++out_.ignored_parts;
      }
    }
    if (wire.protocols.empty()) {
      rule.protocols.assign(std::begin(kDefaultProtocols), std::end(kDefaultProtocols));
    }
    if (!rule.sources.empty() && !rule.destinations.empty() && !rule.protocols.empty()) {
      out_.rules.push_back(std::move(rule));
    }
  }

  FilterRules take() { return std::move(out_); }

 private:
  void add_source(std::string_view text, std::vector<AddressRange>& out) {
    if (text.starts_with(kCapabilityPrefix)) {
      const auto found = capabilities_.find(text.substr(kCapabilityPrefix.size()));
      if (found == capabilities_.end()) return;  // no peer has it
      for (const IpAddress& address : found->second) out.push_back(AddressRange::of(address));
      return;
    }
    const auto ranges = parse_ranges(text);
    if (ranges.empty()) ++out_.ignored_parts;
    out.insert(out.end(), ranges.begin(), ranges.end());
  }

  void add_destination(const WireDestination& wire, std::vector<FilterDestination>& out) {
    const auto ranges = parse_ranges(wire.addresses);
    const auto ports = ports_of(wire);
    if (ranges.empty() || !ports) {
      ++out_.ignored_parts;
      return;
    }
    for (const AddressRange& range : ranges) out.push_back({.addresses = range, .ports = *ports});
  }

  const CapabilityAddresses& capabilities_;
  FilterRules out_;
};

}  // namespace

Result<FilterRules> parse_filter_rules(std::span<const WireRule> rules,
                                       const CapabilityAddresses& capabilities) {
  Parser parser(capabilities);
  for (const WireRule& rule : rules) {
    bool has_bits = rule.has_source_bits;
    for (const WireDestination& destination : rule.destinations) has_bits |= destination.has_bits;
    if (has_bits) {
      return fail(Errc::Unsupported,
                  "read the packet filter: a rule uses SrcBits or Bits, which no longer have a "
                  "meaning");
    }
    parser.add(rule);
  }
  return parser.take();
}

}  // namespace warren::policy
