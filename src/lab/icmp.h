#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "lab/nat.h"
#include "lab/packet.h"

// ICMP errors: those that a router sends, and those that a NAT translates.
namespace warren::lab {

// RFC 4443 section 2.4: an error fits the smallest MTU of IPv6; RFC 1812 section 4.3.2.3: 576 bytes
// for IPv4.
inline constexpr std::size_t kMaxIcmpErrorSize = 1280;

enum class IcmpError : std::uint8_t {
  TooBig,        // RFC 1191, RFC 4443 section 3.2
  TimeExceeded,  // RFC 792, RFC 4443 section 3.3
};

// Whether a packet may be answered with an error: RFC 1122 section 3.2.2, RFC 4443 section 2.4.
bool may_be_answered(const Packet& packet);

// Writes the error about `offending`, which may_be_answered and is cut to what fits, into `out` of
// at least kMaxIcmpErrorSize bytes; `mtu` is for TooBig. Returns its size.
std::size_t write_icmp_error(IcmpError error,
                             std::uint32_t mtu,
                             const IpAddress& router,
                             ByteView offending,
                             MutableByteView out);

// The flow of the packet that an ICMP error quotes; none when it quotes too little or nothing that
// a NAT translates.
std::optional<Flow> quoted_flow(const Packet& error);

// Gives the error new addresses, and the packet it quotes, whose quoted_flow is `from`, those of
// `to`.
void rewrite_error(Packet& error,
                   const Flow& from,
                   const Flow& to,
                   const IpAddress& source,
                   const IpAddress& destination);

}  // namespace warren::lab
