#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "proto/ip/ecn.h"
#include "proto/ip/headers.h"

// What the packet path wants to know of an IP packet, read once (spec: paths sections 1.8 and 7.1).
namespace warren::ip {

enum class PacketKind : std::uint8_t {
  Transport,      // the transport header is understood; for a first fragment too
  Fragment,       // a later fragment, far enough behind the header to be harmless: no ports
  OtherProtocol,  // has a protocol number and no ports
  Unknown,        // what a filter must refuse: see parse_packet
};

struct PacketInfo {
  PacketKind kind = PacketKind::Unknown;
  std::uint8_t version = 0;  // 4 or 6
  std::uint8_t protocol = 0;
  std::uint8_t traffic_class = 0;
  std::uint8_t tcp_flags = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  bool is_fragment = false;       // and not all of it: an atomic IPv6 fragment (RFC 6946) is whole
  std::uint16_t source_port = 0;  // TCP, UDP and SCTP
  std::uint16_t destination_port = 0;
  std::uint16_t ip_header_size = 0;         // where the transport header or its fragment starts
  std::uint16_t transport_header_size = 0;  // TCP, UDP, SCTP and ICMP of kind Transport
  std::uint16_t fragment_offset = 0;        // bytes
  std::uint32_t total_size = 0;             // by the packet's own length field
  IpAddress source;
  IpAddress destination;

  Ecn ecn() const { return ecn_of(traffic_class); }

  bool operator==(const PacketInfo&) const = default;
};

// A packet or super-packet. Fails when its IP header is no IP header or its length field says more
// than there is. What is wrong behind the IP header makes it Unknown, not a failure: a transport
// header that does not fit, a later fragment within the first 80 bytes (it could overwrite the
// header: RFC 1858), an IPv6 extension header other than one Fragment header.
Result<PacketInfo, DecodeError> parse_packet(ByteView packet);

// The size of the packet inside a padded WireGuard plaintext (paths section 1.8).
Result<std::size_t, DecodeError> inner_length(ByteView plaintext);

bool is_extension_header(std::uint8_t next_header);  // of IPv6

// What an ICMP error says of the packet that it is about. Ports are those of TCP, UDP and SCTP, 0
// where there are none or where the packet was a later fragment.
struct Quote {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool is_later_fragment = false;

  bool operator==(const Quote&) const = default;
};

// `message` is an ICMP error of either family, from its type on. What it quotes is cut off, so the
// length in there says nothing; Truncated where even ports do not fit.
Result<Quote, DecodeError> parse_quote(ByteView message);

// For packets that parse_packet or inner_length accepted.
inline IpAddress source_address(ByteView packet) {
  return version_of(packet) == kVersion4 ? address_v4(packet.data() + kIpv4SourceOffset)
                                         : address_v6(packet.data() + kIpv6SourceOffset);
}

inline IpAddress destination_address(ByteView packet) {
  return version_of(packet) == kVersion4 ? address_v4(packet.data() + kIpv4DestinationOffset)
                                         : address_v6(packet.data() + kIpv6DestinationOffset);
}

}  // namespace warren::ip
