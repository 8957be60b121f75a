#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "policy/address_range.h"

namespace warren::policy {

// Both families' addresses, cut wherever one of the given ranges begins or ends; addresses that lie
// in the same ranges are of one class (spec: policy section 7.4). Immutable; a look-up is a binary
// search. 20 bytes for each cut, and each distinct set of members once.
class AddressClasses {
 public:
  using Id = std::uint32_t;
  using Member = std::uint32_t;

  static constexpr Id kNothing = 0;  // in no range at all
  static constexpr Member kMaxMember = UINT32_MAX - 8;
  // Members of all classes together: 16 MiB, and far beyond the largest policy (a thousand rules of
  // which each begins or ends a thousand times in all others make a million).
  static constexpr std::size_t kMaxMembers = std::size_t{4} << 20U;

  // A range of a member, or with marks, or both.
  struct Entry {
    AddressRange range;
    std::optional<Member> member;
    std::uint8_t marks = 0;  // bits, of all ranges that contain an address or'ed together
  };

  // None: the classes would have more than kMaxMembers.
  static std::optional<AddressClasses> create(std::span<const Entry> entries);

  Id find(const IpAddress& address) const;

  std::size_t count() const { return classes_.size(); }

  std::uint8_t marks(Id id) const { return classes_[id].marks; }

  std::span<const Member> members(Id id) const {  // ascending
    const Class& what = classes_[id];
    return std::span(members_).subspan(what.begin, what.size);
  }

 private:
  class Builder;

  struct Class {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint8_t marks = 0;
  };

  struct Family {
    std::vector<AddressNumber> starts;  // of segments; the first is 0
    std::vector<Id> ids;                // one for each
  };

  AddressClasses() = default;

  std::array<Family, 2> families_;  // IPv4, IPv6
  std::vector<Class> classes_;
  std::vector<Member> members_;
};

}  // namespace warren::policy
