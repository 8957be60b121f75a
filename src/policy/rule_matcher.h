#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/address_classes.h"
#include "policy/filter_rules.h"

namespace warren::policy {

// Which protocols and ports the rules open between a class of sources and one of destinations
// (spec: policy section 7.4). The members of the first are rules, of the second items: the
// destinations of all rules, numbered through in order.
//
// For each pair of classes there is a sorted list of what is open, each distinct list stored once,
// so a look-up is one binary search. Where the lists would cost more than the two bounds below,
// rules and items are compared when a packet asks: linear in those of its two classes, and once for
// each flow.
class RuleMatcher {
 public:
  using ClassId = AddressClasses::Id;

  static constexpr std::size_t kMaxPairs = std::size_t{1} << 16U;        // 256 KiB of list ids
  static constexpr std::size_t kMaxComparisons = std::size_t{1} << 22U;  // some 20 ms of building

  RuleMatcher(std::span<const FilterRule> rules,
              AddressClasses sources,
              AddressClasses destinations);

  const AddressClasses& sources() const { return sources_; }

  const AddressClasses& destinations() const { return destinations_; }

  bool has_pairs() const { return !pairs_.empty(); }

  // Whether any rule has both addresses.
  bool knows(ClassId source, ClassId destination) const;

  // `port` is 0 for a protocol without ports, which needs an item with all of them.
  bool allows(ClassId source, ClassId destination, std::uint8_t protocol, std::uint16_t port) const;

 private:
  using ListId = std::uint32_t;
  static constexpr ListId kNoRule = 0;

  struct Open {
    std::uint8_t protocol = 0;
    PortRange ports;

    auto operator<=>(const Open&) const = default;
  };

  struct List {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };

  struct Item {
    std::uint32_t rule = 0;
    PortRange ports;
  };

  class PairBuilder;

  // Calls visit(item) for each item of a rule that has both classes, until it returns true.
  template <class Visit>
  bool any_item(ClassId source, ClassId destination, const Visit& visit) const;
  bool is_opened_by(const Item& item, std::uint8_t protocol, std::uint16_t port) const;

  ListId list_of(ClassId source, ClassId destination) const {
    return pairs_[source * destinations_.count() + destination];
  }

  AddressClasses sources_;
  AddressClasses destinations_;
  std::vector<Item> items_;
  std::vector<std::array<std::uint64_t, 4>> protocols_;  // of each rule, a bit for each number

  std::vector<ListId> pairs_;  // by source, then destination; empty: they would be too many
  std::vector<List> lists_;
  std::vector<Open> open_;
};

}  // namespace warren::policy
