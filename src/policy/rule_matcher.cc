#include "policy/rule_matcher.h"

#include <algorithm>
#include <map>
#include <utility>

#include "proto/ip/headers.h"

namespace warren::policy {

namespace {

bool has_ports(std::uint8_t protocol) {
  return protocol == ip::protocol::kTcp || protocol == ip::protocol::kUdp ||
         protocol == ip::protocol::kSctp;
}

bool opens(const PortRange& ports, std::uint8_t protocol, std::uint16_t port) {
  return has_ports(protocol) ? ports.contains(port) : ports.is_all();
}

std::size_t members_of_all(const AddressClasses& classes) {
  std::size_t sum = 0;
  for (AddressClasses::Id id = 0; id < classes.count(); ++id) sum += classes.members(id).size();
  return sum;
}

}  // namespace

template <class Visit>
bool RuleMatcher::any_item(ClassId source, ClassId destination, const Visit& visit) const {
  const auto rules = sources_.members(source);
  auto rule = rules.begin();
  for (const std::uint32_t id : destinations_.members(destination)) {
    const Item& item = items_[id];
    while (rule != rules.end() && *rule < item.rule) ++rule;
    if (rule == rules.end()) return false;
    if (*rule == item.rule && visit(item)) return true;
  }
  return false;
}

class RuleMatcher::PairBuilder {
 public:
  explicit PairBuilder(RuleMatcher& out) : out_(out) {}

  void build() {
    const std::size_t sources = out_.sources_.count();
    const std::size_t destinations = out_.destinations_.count();
    const std::size_t comparisons =
        members_of_all(out_.sources_) * destinations + members_of_all(out_.destinations_) * sources;
    if (sources * destinations > kMaxPairs || comparisons > kMaxComparisons) return;
    out_.lists_.emplace_back();  // kNoRule
    out_.pairs_.reserve(sources * destinations);
    for (ClassId source = 0; source < sources; ++source) {
      for (ClassId destination = 0; destination < destinations; ++destination) {
        out_.pairs_.push_back(make_list(source, destination));
      }
    }
  }

 private:
  ListId make_list(ClassId source, ClassId destination) {
    std::vector<Open> open;
    bool is_known = false;
    out_.any_item(source, destination, [&](const Item& item) {
      is_known = true;
      add(item, open);
      return false;
    });
    if (!is_known) return kNoRule;
    join(open);
    const auto [known, is_new] =
        known_.try_emplace(std::move(open), static_cast<ListId>(out_.lists_.size()));
    if (is_new) {
      out_.lists_.push_back({.begin = static_cast<std::uint32_t>(out_.open_.size()),
                             .size = static_cast<std::uint32_t>(known->first.size())});
      out_.open_.insert(out_.open_.end(), known->first.begin(), known->first.end());
    }
    return known->second;
  }

  void add(const Item& item, std::vector<Open>& open) const {
    const auto& bits = out_.protocols_[item.rule];
    for (unsigned number = 0; number <= UINT8_MAX; ++number) {
      const auto protocol = static_cast<std::uint8_t>(number);
      const bool is_listed = (bits[number / 64] >> (number % 64) & 1U) != 0;
      if (is_listed && (has_ports(protocol) || item.ports.is_all())) {
        open.push_back({.protocol = protocol, .ports = item.ports});
      }
    }
  }

  // Sorted, and no two of a protocol overlap or touch.
  static void join(std::vector<Open>& open) {
    std::ranges::sort(open);
    std::size_t kept = 0;
    for (const Open& next : open) {
      Open* const last = kept == 0 ? nullptr : &open[kept - 1];
      if (last != nullptr && last->protocol == next.protocol &&
          next.ports.first <= std::uint32_t{last->ports.last} + 1) {
        last->ports.last = std::max(last->ports.last, next.ports.last);
      } else {
        open[kept++] = next;
      }
    }
    open.resize(kept);
  }

  RuleMatcher& out_;
  std::map<std::vector<Open>, ListId> known_;
};

RuleMatcher::RuleMatcher(std::span<const FilterRule> rules,
                         AddressClasses sources,
                         AddressClasses destinations)
    : sources_(std::move(sources)), destinations_(std::move(destinations)) {
  for (const FilterRule& rule : rules) {
    const auto number = static_cast<std::uint32_t>(protocols_.size());
    auto& bits = protocols_.emplace_back();
    for (const std::uint8_t protocol : rule.protocols) {
      bits[protocol / 64] |= std::uint64_t{1} << (protocol % 64);
    }
    for (const FilterDestination& destination : rule.destinations) {
      items_.push_back({.rule = number, .ports = destination.ports});
    }
  }
  PairBuilder(*this).build();
}

bool RuleMatcher::knows(ClassId source, ClassId destination) const {
  if (has_pairs()) return list_of(source, destination) != kNoRule;
  return any_item(source, destination, [](const Item&) { return true; });
}

bool RuleMatcher::is_opened_by(const Item& item, std::uint8_t protocol, std::uint16_t port) const {
  return (protocols_[item.rule][protocol / 64] >> (protocol % 64) & 1U) != 0 &&
         opens(item.ports, protocol, port);
}

bool RuleMatcher::allows(ClassId source,
                         ClassId destination,
                         std::uint8_t protocol,
                         std::uint16_t port) const {
  if (!has_pairs()) {
    return any_item(source, destination,
                    [&](const Item& item) { return is_opened_by(item, protocol, port); });
  }
  const List& list = lists_[list_of(source, destination)];
  const auto open = std::span(open_).subspan(list.begin, list.size);
  const Open wanted{.protocol = protocol, .ports = {.first = port, .last = UINT16_MAX}};
  const auto behind = std::ranges::upper_bound(open, wanted);
  if (behind == open.begin()) return false;
  const Open& found = *std::prev(behind);
  return found.protocol == protocol && found.ports.contains(port);
}

}  // namespace warren::policy
