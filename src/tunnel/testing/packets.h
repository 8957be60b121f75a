#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"

// Packets made to order, for tests, fuzz targets and benchmarks only.
namespace warren::tunnel::testing {

using Bytes = std::vector<std::uint8_t>;

struct PacketSpec {
  bool is_v6 = false;
  bool is_udp = false;
  std::uint16_t port = 1;  // tells flows apart
  std::uint32_t sequence = 0;
  std::uint16_t id = 0;
  std::uint8_t flags = ip::tcp_flag::kAck;
  std::uint8_t traffic_class = 0;
  bool df = true;
  std::size_t payload_size = 100;
};

// Sets IPv4 and transport checksums of a packet without IPv6 extension headers, where they fit.
inline void fix_checksums(Bytes& packet) {
  if (packet.size() < ip::kIpv4MinHeaderSize) return;
  const bool is_v6 = ip::version_of(packet) == ip::kVersion6;
  const std::size_t header = is_v6 ? ip::kIpv6HeaderSize : (packet[0] & 0x0FU) * 4UL;
  if (header < ip::kIpv4MinHeaderSize || packet.size() < header) return;
  std::uint8_t* at = packet.data();
  if (!is_v6) {
    store_be<std::uint16_t>(at + ip::kIpv4ChecksumOffset, 0);
    store_be(at + ip::kIpv4ChecksumOffset,
             ip::Sum().add(ByteView(packet).first(header)).checksum());
  }
  const std::uint8_t protocol = at[is_v6 ? ip::kIpv6NextHeaderOffset : ip::kIpv4ProtocolOffset];
  const bool is_udp = protocol == ip::protocol::kUdp;
  const std::size_t smallest = is_udp ? ip::kUdpHeaderSize : ip::kTcpMinHeaderSize;
  if (packet.size() < header + smallest) return;
  std::uint8_t* checksum = at + header + (is_udp ? ip::kUdpChecksumOffset : ip::kTcpChecksumOffset);
  store_be<std::uint16_t>(checksum, 0);
  const ByteView addresses = is_v6 ? ByteView(packet).subspan(ip::kIpv6SourceOffset, 32)
                                   : ByteView(packet).subspan(ip::kIpv4SourceOffset, 8);
  ip::Sum sum = ip::pseudo_header(addresses, protocol, packet.size() - header);
  sum.add(ByteView(packet).subspan(header));
  store_be(checksum, is_udp ? sum.udp_checksum() : sum.checksum());
}

inline Bytes make_packet(const PacketSpec& spec) {
  const std::size_t ip_size = spec.is_v6 ? ip::kIpv6HeaderSize : ip::kIpv4MinHeaderSize;
  const std::size_t transport_size = spec.is_udp ? ip::kUdpHeaderSize : ip::kTcpMinHeaderSize;
  Bytes out(ip_size + transport_size + spec.payload_size);
  const auto transport_length = static_cast<std::uint16_t>(out.size() - ip_size);
  const std::uint8_t protocol = spec.is_udp ? ip::protocol::kUdp : ip::protocol::kTcp;
  if (spec.is_v6) {
    store_be<std::uint32_t>(out.data(), 0x60000000U | std::uint32_t{spec.traffic_class} << 20U);
    store_be(out.data() + ip::kIpv6LengthOffset, transport_length);
    out[ip::kIpv6NextHeaderOffset] = protocol;
    out[ip::kIpv6HopLimitOffset] = 64;
    out[ip::kIpv6SourceOffset + 15] = 1;
    out[ip::kIpv6DestinationOffset + 15] = 2;
  } else {
    out[0] = 0x45;
    out[ip::kIpv4TosOffset] = spec.traffic_class;
    store_be(out.data() + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(out.size()));
    store_be(out.data() + ip::kIpv4IdOffset, spec.id);
    store_be<std::uint16_t>(out.data() + ip::kIpv4FragmentOffset,
                            spec.df ? ip::kIpv4DontFragment : 0);
    out[ip::kIpv4TtlOffset] = 64;
    out[ip::kIpv4ProtocolOffset] = protocol;
    out[ip::kIpv4SourceOffset + 3] = 1;
    out[ip::kIpv4DestinationOffset + 3] = 2;
  }
  std::uint8_t* transport = out.data() + ip_size;
  store_be(transport, spec.port);
  if (spec.is_udp) {
    store_be(transport + ip::kUdpLengthOffset, transport_length);
  } else {
    store_be(transport + ip::kTcpSequenceOffset, spec.sequence);
    transport[ip::kTcpDataOffset] = 0x50;
    transport[ip::kTcpFlagsOffset] = spec.flags;
  }
  for (std::size_t i = 0; i < spec.payload_size; ++i) {
    transport[transport_size + i] = static_cast<std::uint8_t>(spec.sequence + i * 7);
  }
  fix_checksums(out);
  return out;
}

}  // namespace warren::tunnel::testing
