#include "proto/ip/ecn.h"

#include <utility>

#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"

namespace warren::ip {

std::optional<Ecn> ecn_decapsulate(Ecn inner, Ecn outer) {
  if (outer == Ecn::Ce) {
    if (inner == Ecn::NotEct) return std::nullopt;
    return Ecn::Ce;
  }
  if (inner == Ecn::Ect0 && outer == Ecn::Ect1) return Ecn::Ect1;
  return inner;
}

Ecn get_ecn(ByteView packet) {
  // The IPv6 traffic class lies across bytes 0 and 1; its ECN bits are bits 5 and 4 of byte 1.
  return version_of(packet) == kVersion4 ? ecn_of(packet[1])
                                         : ecn_of(static_cast<std::uint8_t>(packet[1] >> 4U));
}

void set_ecn(MutableByteView packet, Ecn ecn) {
  const unsigned bits = std::to_underlying(ecn);
  if (version_of(packet) == kVersion6) {
    packet[1] = static_cast<std::uint8_t>((packet[1] & 0xCFU) | bits << 4U);
    return;
  }
  const auto before = load_be<std::uint16_t>(packet.data());
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0xFCU) | bits);
  std::uint8_t* checksum = packet.data() + kIpv4ChecksumOffset;
  store_be(checksum, update_checksum(load_be<std::uint16_t>(checksum), before,
                                     load_be<std::uint16_t>(packet.data())));
}

}  // namespace warren::ip
