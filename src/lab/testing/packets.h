#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "lab/flow.h"
#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"

// Packets of both families made to order, and a check of all their checksums; for tests only.
namespace warren::lab::testing {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kEchoRequestV4 = 8;
inline constexpr std::uint8_t kEchoRequestV6 = 128;

inline std::uint8_t protocol_number(Protocol protocol, bool is_v6) {
  switch (protocol) {
    case Protocol::Udp:
      return ip::protocol::kUdp;
    case Protocol::Tcp:
      return ip::protocol::kTcp;
    case Protocol::Icmp:
      break;
  }
  return is_v6 ? ip::protocol::kIcmpV6 : ip::protocol::kIcmp;
}

inline std::size_t checksum_offset(std::uint8_t protocol) {
  switch (protocol) {
    case ip::protocol::kUdp:
      return ip::kUdpChecksumOffset;
    case ip::protocol::kTcp:
      return ip::kTcpChecksumOffset;
    default:
      return ip::kIcmpChecksumOffset;
  }
}

// Of what the transport checksum covers, as the packet has it.
inline ip::Sum transport_sum(ByteView packet) {
  const bool is_v6 = ip::version_of(packet) == ip::kVersion6;
  const std::size_t header = is_v6 ? ip::kIpv6HeaderSize : ip::kIpv4MinHeaderSize;
  const std::uint8_t protocol = packet[is_v6 ? ip::kIpv6NextHeaderOffset : ip::kIpv4ProtocolOffset];
  const ByteView transport = packet.subspan(header);
  ip::Sum out;
  if (protocol != ip::protocol::kIcmp) {
    out = ip::pseudo_header(
        packet.subspan(is_v6 ? ip::kIpv6SourceOffset : ip::kIpv4SourceOffset, is_v6 ? 32 : 8),
        protocol, transport.size());
  }
  return out.add(transport);
}

inline bool has_good_checksums(ByteView packet) {
  const bool is_v4 = ip::version_of(packet) == ip::kVersion4;
  if (is_v4 && !ip::Sum().add(packet.first(ip::kIpv4MinHeaderSize)).verifies()) return false;
  return transport_sum(packet).verifies();
}

inline Bytes make_packet(const Flow& flow, std::size_t payload_size = 100) {
  const bool is_v6 = flow.source.address.is_v6();
  const std::size_t ip_size = is_v6 ? ip::kIpv6HeaderSize : ip::kIpv4MinHeaderSize;
  const std::size_t header_size =
      flow.protocol == Protocol::Tcp ? ip::kTcpMinHeaderSize : ip::kUdpHeaderSize;
  const std::uint8_t protocol = protocol_number(flow.protocol, is_v6);
  Bytes out(ip_size + header_size + payload_size);
  std::uint8_t* const at = out.data();
  const auto length = static_cast<std::uint16_t>(out.size() - ip_size);
  if (is_v6) {
    at[0] = 0x60;
    store_be(at + ip::kIpv6LengthOffset, length);
    at[ip::kIpv6NextHeaderOffset] = protocol;
    at[ip::kIpv6HopLimitOffset] = 64;
  } else {
    at[0] = 0x45;
    store_be(at + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(out.size()));
    store_be(at + ip::kIpv4FragmentOffset, ip::kIpv4DontFragment);
    at[ip::kIpv4TtlOffset] = 64;
    at[ip::kIpv4ProtocolOffset] = protocol;
  }
  const std::size_t addresses = is_v6 ? ip::kIpv6SourceOffset : ip::kIpv4SourceOffset;
  std::ranges::copy(flow.source.address.bytes(), at + addresses);
  std::ranges::copy(flow.destination.address.bytes(), at + addresses + (is_v6 ? 16 : 4));
  if (!is_v6) {
    const auto sum = ip::Sum().add(ByteView(out).first(ip_size)).checksum();
    store_be(at + ip::kIpv4ChecksumOffset, sum);
  }

  std::uint8_t* const transport = at + ip_size;
  if (flow.protocol == Protocol::Icmp) {
    transport[0] = is_v6 ? kEchoRequestV6 : kEchoRequestV4;
    store_be(transport + 4, flow.source.port);
  } else {
    store_be(transport, flow.source.port);
    store_be(transport + 2, flow.destination.port);
    if (flow.protocol == Protocol::Udp) store_be(transport + ip::kUdpLengthOffset, length);
    if (flow.protocol == Protocol::Tcp) {
      transport[ip::kTcpDataOffset] = 0x50;
      transport[ip::kTcpFlagsOffset] = ip::tcp_flag::kAck;
    }
  }
  for (std::size_t i = 0; i < payload_size; ++i) {
    transport[header_size + i] = static_cast<std::uint8_t>(i * 7);
  }
  store_be(transport + checksum_offset(protocol), transport_sum(out).checksum());
  return out;
}

}  // namespace warren::lab::testing
