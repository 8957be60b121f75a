#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace warren::policy {

// An address as a number; compares within its family only.
struct AddressNumber {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const AddressNumber&) const = default;

  constexpr bool is_last(bool is_v6) const {
    return is_v6 ? high == UINT64_MAX && low == UINT64_MAX : low == UINT32_MAX;
  }

  constexpr AddressNumber next() const {
    return {.high = high + (low == UINT64_MAX ? 1 : 0), .low = low + 1};
  }
};

inline AddressNumber number_of(const IpAddress& address) {
  const std::uint8_t* const bytes = address.bytes().data();
  if (address.is_v4()) return {.high = 0, .low = load_be<std::uint32_t>(bytes)};
  return {.high = load_be<std::uint64_t>(bytes), .low = load_be<std::uint64_t>(bytes + 8)};
}

// From first to last, both included; of one family, in order.
struct AddressRange {
  IpAddress first;
  IpAddress last;

  static AddressRange of(const IpAddress& address) { return {.first = address, .last = address}; }

  static AddressRange of(const IpPrefix& prefix);

  static AddressRange all(bool is_v6) { return of(IpPrefix(IpAddress::unspecified(is_v6), 0)); }

  bool contains(const IpAddress& address) const {
    return address.is_v6() == first.is_v6() && first <= address && address <= last;
  }

  auto operator<=>(const AddressRange&) const = default;
};

}  // namespace warren::policy
