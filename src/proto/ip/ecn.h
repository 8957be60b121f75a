#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

// Explicit congestion notification through a tunnel (RFC 3168 section 5, RFC 6040).
namespace warren::ip {

enum class Ecn : std::uint8_t {  // RFC 3168 section 5
  NotEct = 0,
  Ect1 = 1,
  Ect0 = 2,
  Ce = 3,
};

// The two low bits of a ToS or traffic-class byte.
constexpr Ecn ecn_of(std::uint8_t traffic_class) {
  return static_cast<Ecn>(traffic_class & 3U);
}

// What the inner packet leaves the tunnel with (RFC 6040 section 4.2, figure 4); none: drop it.
std::optional<Ecn> ecn_decapsulate(Ecn inner, Ecn outer);

// `packet` is an IPv4 or IPv6 packet of at least its fixed header's size.
Ecn get_ecn(ByteView packet);

// As get_ecn; mends the IPv4 header checksum.
void set_ecn(MutableByteView packet, Ecn ecn);

}  // namespace warren::ip
