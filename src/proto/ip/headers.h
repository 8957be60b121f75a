#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"

// IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, RFC 4443):
// numbers, offsets, and decoders into plain structs whose views are borrowed from the packet.
// packet.h is what the packet path uses.
namespace warren::ip {

inline constexpr unsigned kVersion4 = 4;
inline constexpr unsigned kVersion6 = 6;
inline constexpr std::size_t kMaxPacketSize = 65535;  // the length field of IPv4; ours for IPv6

// The first four bits; `packet` is not empty.
inline unsigned version_of(ByteView packet) {
  return packet[0] >> 4U;
}

// IANA "Assigned Internet Protocol Numbers".
namespace protocol {
inline constexpr std::uint8_t kHopByHop = 0;
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kIgmp = 2;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kRouting = 43;
inline constexpr std::uint8_t kFragment = 44;
inline constexpr std::uint8_t kEsp = 50;
inline constexpr std::uint8_t kAuthentication = 51;
inline constexpr std::uint8_t kIcmpV6 = 58;
inline constexpr std::uint8_t kNoNextHeader = 59;
inline constexpr std::uint8_t kDestinationOptions = 60;
inline constexpr std::uint8_t kTsmp = 99;  // paths section 4.6
inline constexpr std::uint8_t kSctp = 132;
inline constexpr std::uint8_t kMobility = 135;
}  // namespace protocol

// RFC 791 section 3.1
inline constexpr std::size_t kIpv4MinHeaderSize = 20;
inline constexpr std::size_t kIpv4TosOffset = 1;
inline constexpr std::size_t kIpv4LengthOffset = 2;
inline constexpr std::size_t kIpv4IdOffset = 4;
inline constexpr std::size_t kIpv4FragmentOffset = 6;
inline constexpr std::size_t kIpv4TtlOffset = 8;
inline constexpr std::size_t kIpv4ProtocolOffset = 9;
inline constexpr std::size_t kIpv4ChecksumOffset = 10;
inline constexpr std::size_t kIpv4SourceOffset = 12;
inline constexpr std::size_t kIpv4DestinationOffset = 16;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;
inline constexpr std::uint16_t kIpv4MoreFragments = 0x2000;
inline constexpr std::uint16_t kIpv4FragmentOffsetMask = 0x1FFF;  // in units of 8 bytes

// RFC 8200 sections 3 and 4.5
inline constexpr std::size_t kIpv6HeaderSize = 40;
inline constexpr std::size_t kIpv6LengthOffset = 4;
inline constexpr std::size_t kIpv6NextHeaderOffset = 6;
inline constexpr std::size_t kIpv6HopLimitOffset = 7;
inline constexpr std::size_t kIpv6SourceOffset = 8;
inline constexpr std::size_t kIpv6DestinationOffset = 24;
inline constexpr std::size_t kIpv6FragmentHeaderSize = 8;
inline constexpr std::uint16_t kIpv6FragmentOffsetMask = 0xFFF8;  // in bytes
inline constexpr std::uint16_t kIpv6MoreFragments = 0x0001;

// RFC 9293 section 3.1
inline constexpr std::size_t kTcpMinHeaderSize = 20;
inline constexpr std::size_t kTcpMaxHeaderSize = 60;
inline constexpr std::size_t kTcpSequenceOffset = 4;
inline constexpr std::size_t kTcpAckOffset = 8;
inline constexpr std::size_t kTcpDataOffset = 12;
inline constexpr std::size_t kTcpFlagsOffset = 13;
inline constexpr std::size_t kTcpWindowOffset = 14;
inline constexpr std::size_t kTcpChecksumOffset = 16;

namespace tcp_flag {
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrg = 0x20;
inline constexpr std::uint8_t kEce = 0x40;
inline constexpr std::uint8_t kCwr = 0x80;
}  // namespace tcp_flag

// RFC 768
inline constexpr std::size_t kUdpHeaderSize = 8;
inline constexpr std::size_t kUdpLengthOffset = 4;
inline constexpr std::size_t kUdpChecksumOffset = 6;

// RFC 792, RFC 4443 section 2.1: the part that all messages share.
inline constexpr std::size_t kIcmpMinHeaderSize = 4;
inline constexpr std::size_t kIcmpChecksumOffset = 2;
inline constexpr std::size_t kIcmpQuoteOffset =
    8;  // in errors: where the packet begins that failed

// IANA "ICMP Type Numbers" and "ICMPv6 type Numbers".
namespace icmp_type {
inline constexpr std::uint8_t kEchoReply = 0;
inline constexpr std::uint8_t kUnreachable = 3;
inline constexpr std::uint8_t kRedirect = 5;
inline constexpr std::uint8_t kEcho = 8;
inline constexpr std::uint8_t kRouterAdvertisement = 9;
inline constexpr std::uint8_t kRouterSolicitation = 10;
inline constexpr std::uint8_t kTimeExceeded = 11;
inline constexpr std::uint8_t kParameterProblem = 12;
}  // namespace icmp_type

namespace icmp6_type {
inline constexpr std::uint8_t kUnreachable = 1;
inline constexpr std::uint8_t kTooBig = 2;
inline constexpr std::uint8_t kTimeExceeded = 3;
inline constexpr std::uint8_t kParameterProblem = 4;
inline constexpr std::uint8_t kEcho = 128;
inline constexpr std::uint8_t kEchoReply = 129;
inline constexpr std::uint8_t kRouterSolicitation = 133;  // the first of neighbour discovery
inline constexpr std::uint8_t kNeighbourRedirect = 137;   // the last: RFC 4861 section 4
}  // namespace icmp6_type

struct Ipv4Header {
  std::uint8_t traffic_class = 0;
  std::uint16_t total_length = 0;
  std::uint16_t id = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  // bytes
  std::uint8_t ttl = 0;
  std::uint8_t protocol = 0;
  std::uint16_t checksum = 0;
  IpAddress source;
  IpAddress destination;
  ByteView options;
  ByteView payload;  // ends where total_length says
};

struct Ipv6Header {
  std::uint8_t traffic_class = 0;
  std::uint32_t flow_label = 0;
  std::uint16_t payload_length = 0;
  std::uint8_t next_header = 0;
  std::uint8_t hop_limit = 0;
  IpAddress source;
  IpAddress destination;
  ByteView payload;  // extension headers included; ends where payload_length says
};

struct TcpHeader {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::uint16_t checksum = 0;
  std::uint16_t urgent = 0;
  ByteView options;
  ByteView payload;
};

struct UdpHeader {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t length = 0;
  std::uint16_t checksum = 0;
  ByteView payload;  // ends where length says
};

struct IcmpHeader {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t checksum = 0;
  ByteView body;
};

// Bytes behind the packet's own length are ignored; a length beyond the bytes is BadLength.
// Checksums are not verified.
Result<Ipv4Header, DecodeError> decode_ipv4(ByteView packet);
Result<Ipv6Header, DecodeError> decode_ipv6(ByteView packet);
Result<TcpHeader, DecodeError> decode_tcp(ByteView segment);
Result<UdpHeader, DecodeError> decode_udp(ByteView datagram);
Result<IcmpHeader, DecodeError> decode_icmp(ByteView message);

// Borrowed bytes as addresses; the views hold 4 and 16 bytes.
inline IpAddress address_v4(const std::uint8_t* at) {
  return IpAddress::v4({at[0], at[1], at[2], at[3]});
}

inline IpAddress address_v6(const std::uint8_t* at) {
  std::array<std::uint8_t, 16> bytes;  // NOLINT(cppcoreguidelines-init-variables)
  std::memcpy(bytes.data(), at, bytes.size());
  return IpAddress::v6(bytes);
}

}  // namespace warren::ip
