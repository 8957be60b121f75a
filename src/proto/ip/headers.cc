#include "proto/ip/headers.h"

namespace warren::ip {

Result<Ipv4Header, DecodeError> decode_ipv4(ByteView packet) {
  if (packet.empty()) return unexpected(DecodeError::Truncated);
  if (version_of(packet) != kVersion4) return unexpected(DecodeError::NotThisMessage);
  ByteReader in(packet);
  Ipv4Header out;
  const std::size_t header_size = (in.u8() & 0x0FU) * 4UL;
  out.traffic_class = in.u8();
  out.total_length = in.be16();
  out.id = in.be16();
  const std::uint16_t fragment = in.be16();
  out.dont_fragment = (fragment & kIpv4DontFragment) != 0;
  out.more_fragments = (fragment & kIpv4MoreFragments) != 0;
  out.fragment_offset = static_cast<std::uint16_t>((fragment & kIpv4FragmentOffsetMask) * 8);
  out.ttl = in.u8();
  out.protocol = in.u8();
  out.checksum = in.be16();
  out.source = IpAddress::v4(in.array<4>());
  out.destination = IpAddress::v4(in.array<4>());
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (header_size < kIpv4MinHeaderSize) return unexpected(DecodeError::BadValue);
  if (out.total_length < header_size || out.total_length > packet.size()) {
    return unexpected(DecodeError::BadLength);
  }
  out.options = packet.subspan(kIpv4MinHeaderSize, header_size - kIpv4MinHeaderSize);
  out.payload = packet.subspan(header_size, out.total_length - header_size);
  return out;
}

Result<Ipv6Header, DecodeError> decode_ipv6(ByteView packet) {
  if (packet.empty()) return unexpected(DecodeError::Truncated);
  if (version_of(packet) != kVersion6) return unexpected(DecodeError::NotThisMessage);
  ByteReader in(packet);
  Ipv6Header out;
  const std::uint32_t first = in.be32();
  out.traffic_class = static_cast<std::uint8_t>(first >> 20U);
  out.flow_label = first & 0xFFFFFU;
  out.payload_length = in.be16();
  out.next_header = in.u8();
  out.hop_limit = in.u8();
  out.source = IpAddress::v6(in.array<16>());
  out.destination = IpAddress::v6(in.array<16>());
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (out.payload_length > in.remaining()) return unexpected(DecodeError::BadLength);
  out.payload = in.take(out.payload_length);
  return out;
}

Result<TcpHeader, DecodeError> decode_tcp(ByteView segment) {
  ByteReader in(segment);
  TcpHeader out;
  out.source_port = in.be16();
  out.destination_port = in.be16();
  out.sequence = in.be32();
  out.acknowledgment = in.be32();
  const std::size_t header_size = (in.u8() >> 4U) * 4UL;
  out.flags = in.u8();
  out.window = in.be16();
  out.checksum = in.be16();
  out.urgent = in.be16();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (header_size < kTcpMinHeaderSize) return unexpected(DecodeError::BadValue);
  out.options = in.take(header_size - kTcpMinHeaderSize);
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  out.payload = in.rest();
  return out;
}

Result<UdpHeader, DecodeError> decode_udp(ByteView datagram) {
  ByteReader in(datagram);
  UdpHeader out;
  out.source_port = in.be16();
  out.destination_port = in.be16();
  out.length = in.be16();
  out.checksum = in.be16();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  if (out.length < kUdpHeaderSize || out.length > datagram.size()) {
    return unexpected(DecodeError::BadLength);
  }
  out.payload = in.take(out.length - kUdpHeaderSize);
  return out;
}

Result<IcmpHeader, DecodeError> decode_icmp(ByteView message) {
  ByteReader in(message);
  IcmpHeader out;
  out.type = in.u8();
  out.code = in.u8();
  out.checksum = in.be16();
  if (!in.ok()) return unexpected(DecodeError::Truncated);
  out.body = in.rest();
  return out;
}

}  // namespace warren::ip
