#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace warren {

// A number that means one thing: TaggedNumber<struct PeerIdTag, std::uint32_t>. Compares, hashes,
// does no arithmetic.
template <class Tag, class Number>
struct TaggedNumber {
  Number value{};

  auto operator<=>(const TaggedNumber&) const = default;
};

}  // namespace warren

template <class Tag, class Number>
// NOLINTNEXTLINE(cert-dcl58-cpp): the type is ours
struct std::hash<warren::TaggedNumber<Tag, Number>> {
  std::size_t operator()(const warren::TaggedNumber<Tag, Number>& id) const noexcept {
    return std::hash<Number>()(id.value);
  }
};
