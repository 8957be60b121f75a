#pragma once

#include <cstdint>

#include "base/bytes.h"

// The Internet checksum (RFC 1071): the one's complement of the one's-complement sum of 16-bit
// big-endian words.
namespace warren::ip {

// A running sum. Words are added as they lie in memory and put in order once, at the end
// (RFC 1071 section 2B), so parts may be added in any order as long as each starts at an even
// offset; only the part that ends the packet may have an odd length.
class Sum {
 public:
  // `bytes` is at most 4 GiB in all over the life of a sum; packets are 64 KiB.
  Sum& add(ByteView bytes);

  // Copies `bytes` to `out`, which must not overlap them, and adds them in the same pass.
  Sum& add_and_copy(ByteView bytes, std::uint8_t* out);

  Sum& add_be16(std::uint16_t value);

  // Undoes add_be16(value): adds its one's complement (RFC 1624 equation 3).
  Sum& remove_be16(std::uint16_t value) { return add_be16(static_cast<std::uint16_t>(~value)); }

  // The sum in 16 bits: what NEEDS_CSUM packets carry in their checksum field for the
  // pseudo-header.
  std::uint16_t folded() const;

  // What goes into the checksum field. UDP writes 0 as 0xFFFF, see udp_checksum().
  std::uint16_t checksum() const { return static_cast<std::uint16_t>(~folded()); }

  // RFC 768: zero means "no checksum", so a computed zero is sent as its other representation.
  std::uint16_t udp_checksum() const {
    const std::uint16_t value = checksum();
    return value == 0 ? 0xFFFF : value;
  }

  // True over bytes that include a correct checksum.
  bool verifies() const { return folded() == 0xFFFF; }

 private:
  std::uint64_t words_ = 0;
};

// Pseudo-header of TCP, UDP and ICMPv6: RFC 9293 section 3.1, RFC 8200 section 8.1. `addresses` is
// source and destination as they lie in the IP header, 8 or 32 bytes; `length` counts the transport
// header and its payload.
Sum pseudo_header(ByteView addresses, std::uint8_t protocol, std::size_t length);

// The checksum field after one 16-bit word under it changed (RFC 1624 equation 3).
std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after);

}  // namespace warren::ip
