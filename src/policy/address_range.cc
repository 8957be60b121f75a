#include "policy/address_range.h"

#include <algorithm>

namespace warren::policy {

AddressRange AddressRange::of(const IpPrefix& prefix) {
  const IpAddress& first = prefix.address();
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(first.bytes(), bytes.begin());
  for (unsigned bit = prefix.length(); bit < first.bit_length(); ++bit) {
    bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  }
  return {.first = first,
          .last = first.is_v6() ? IpAddress::v6(bytes)
                                : IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]})};
}

}  // namespace warren::policy
