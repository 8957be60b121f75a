#include "proto/ip/packet.h"

namespace warren::ip {

namespace {

// A fragment that starts earlier could overwrite ports or flags on reassembly: the largest IPv4
// header and the smallest TCP header (paths section 7.1; RFC 1858 section 4).
constexpr std::size_t kMinFragmentOffset = 80;
constexpr std::size_t kSctpHeaderSize = 12;     // RFC 9260 section 3.1
constexpr std::size_t kTsmpMinMessageSize = 7;  // paths section 7.1

void parse_tcp(PacketInfo& info, ByteView transport) {
  if (transport.size() < kTcpMinHeaderSize) return;
  const std::size_t header_size = (transport[kTcpDataOffset] >> 4U) * 4UL;
  if (header_size < kTcpMinHeaderSize || header_size > transport.size()) return;
  info.transport_header_size = static_cast<std::uint16_t>(header_size);
  info.tcp_flags = transport[kTcpFlagsOffset];
  info.kind = PacketKind::Transport;
}

void parse_fixed(PacketInfo& info, ByteView transport, std::size_t header_size) {
  if (transport.size() < header_size) return;
  info.transport_header_size = static_cast<std::uint16_t>(header_size);
  info.kind = PacketKind::Transport;
}

void parse_icmp(PacketInfo& info, ByteView transport) {
  parse_fixed(info, transport, kIcmpMinHeaderSize);
  if (info.kind != PacketKind::Transport) return;
  info.icmp_type = transport[0];
  info.icmp_code = transport[1];
}

// Leaves kind at Unknown where the transport header does not fit.
void parse_transport(PacketInfo& info, ByteView transport) {
  switch (info.protocol) {
    case protocol::kTcp:
      parse_tcp(info, transport);
      break;
    case protocol::kUdp:
      parse_fixed(info, transport, kUdpHeaderSize);
      break;
    case protocol::kSctp:
      parse_fixed(info, transport, kSctpHeaderSize);
      break;
    case protocol::kIcmp:
    case protocol::kIcmpV6:
      parse_icmp(info, transport);
      return;
    case protocol::kTsmp:
      if (!info.is_fragment && transport.size() >= kTsmpMinMessageSize) {
        info.kind = PacketKind::OtherProtocol;
      }
      return;
    default:
      info.kind = PacketKind::OtherProtocol;
      return;
  }
  if (info.kind != PacketKind::Transport) return;
  info.source_port = load_be<std::uint16_t>(transport.data());
  info.destination_port = load_be<std::uint16_t>(transport.data() + 2);
}

void parse_payload(PacketInfo& info, ByteView payload, std::size_t fragment_offset) {
  if (fragment_offset == 0) {
    parse_transport(info, payload);
  } else if (fragment_offset >= kMinFragmentOffset) {
    info.kind = PacketKind::Fragment;
  }
}

Result<PacketInfo, DecodeError> parse_v4(ByteView packet) {
  WARREN_TRY(const std::size_t total, inner_length(packet));
  PacketInfo info;
  const std::size_t header_size = (packet[0] & 0x0FU) * 4UL;
  if (header_size < kIpv4MinHeaderSize) return unexpected(DecodeError::BadValue);
  if (header_size > total) return unexpected(DecodeError::BadLength);
  const auto fragment = load_be<std::uint16_t>(packet.data() + kIpv4FragmentOffset);
  const std::size_t fragment_offset = (fragment & kIpv4FragmentOffsetMask) * 8UL;
  info.version = kVersion4;
  info.traffic_class = packet[kIpv4TosOffset];
  info.protocol = packet[kIpv4ProtocolOffset];
  info.is_fragment = (fragment & kIpv4MoreFragments) != 0 || fragment_offset != 0;
  info.fragment_offset = static_cast<std::uint16_t>(fragment_offset);
  info.ip_header_size = static_cast<std::uint16_t>(header_size);
  info.total_size = static_cast<std::uint32_t>(total);
  info.source = source_address(packet);
  info.destination = destination_address(packet);
  parse_payload(info, packet.subspan(header_size, total - header_size), fragment_offset);
  return info;
}

Result<PacketInfo, DecodeError> parse_v6(ByteView packet) {
  WARREN_TRY(const std::size_t total, inner_length(packet));
  PacketInfo info;
  info.version = kVersion6;
  info.traffic_class = static_cast<std::uint8_t>(load_be<std::uint16_t>(packet.data()) >> 4U);
  info.protocol = packet[kIpv6NextHeaderOffset];
  info.ip_header_size = kIpv6HeaderSize;
  info.total_size = static_cast<std::uint32_t>(total);
  info.source = source_address(packet);
  info.destination = destination_address(packet);
  ByteView payload = packet.subspan(kIpv6HeaderSize, total - kIpv6HeaderSize);
  std::size_t fragment_offset = 0;
  if (info.protocol == protocol::kFragment) {  // RFC 8200 section 4.5
    if (payload.size() < kIpv6FragmentHeaderSize) return info;
    const auto fragment = load_be<std::uint16_t>(payload.data() + 2);
    fragment_offset = fragment & kIpv6FragmentOffsetMask;
    info.protocol = payload[0];
    info.is_fragment = (fragment & kIpv6MoreFragments) != 0 || fragment_offset != 0;
    info.fragment_offset = static_cast<std::uint16_t>(fragment_offset);
    info.ip_header_size = kIpv6HeaderSize + kIpv6FragmentHeaderSize;
    payload = payload.subspan(kIpv6FragmentHeaderSize);
  }
  if (is_extension_header(info.protocol)) return info;
  parse_payload(info, payload, fragment_offset);
  return info;
}

bool has_ports(std::uint8_t protocol) {
  return protocol == protocol::kTcp || protocol == protocol::kUdp || protocol == protocol::kSctp;
}

}  // namespace

bool is_extension_header(std::uint8_t next_header) {
  switch (next_header) {
    case protocol::kHopByHop:
    case protocol::kRouting:
    case protocol::kFragment:
    case protocol::kAuthentication:
    case protocol::kDestinationOptions:
    case protocol::kMobility:
      return true;
    default:
      return false;
  }
}

Result<PacketInfo, DecodeError> parse_packet(ByteView packet) {
  if (packet.empty()) return unexpected(DecodeError::Truncated);
  return version_of(packet) == kVersion6 ? parse_v6(packet) : parse_v4(packet);
}

Result<std::size_t, DecodeError> inner_length(ByteView plaintext) {
  if (plaintext.empty()) return unexpected(DecodeError::Truncated);
  std::size_t length = 0;
  switch (version_of(plaintext)) {
    case kVersion4:
      if (plaintext.size() < kIpv4MinHeaderSize) return unexpected(DecodeError::Truncated);
      length = load_be<std::uint16_t>(plaintext.data() + kIpv4LengthOffset);
      if (length < kIpv4MinHeaderSize) return unexpected(DecodeError::BadLength);
      break;
    case kVersion6:
      if (plaintext.size() < kIpv6HeaderSize) return unexpected(DecodeError::Truncated);
      length = kIpv6HeaderSize + load_be<std::uint16_t>(plaintext.data() + kIpv6LengthOffset);
      break;
    default:
      return unexpected(DecodeError::NotThisMessage);
  }
  if (length > plaintext.size()) return unexpected(DecodeError::BadLength);
  return length;
}

Result<Quote, DecodeError> parse_quote(ByteView message) {
  if (message.size() <= kIcmpQuoteOffset) return unexpected(DecodeError::Truncated);
  ByteView rest = message.subspan(kIcmpQuoteOffset);
  const unsigned version = version_of(rest);
  Quote quote;
  std::size_t header_size = kIpv6HeaderSize;
  if (version == kVersion4) {
    header_size = (rest[0] & 0x0FU) * 4UL;
    if (header_size < kIpv4MinHeaderSize) return unexpected(DecodeError::BadValue);
  } else if (version != kVersion6) {
    return unexpected(DecodeError::NotThisMessage);
  }
  if (rest.size() < header_size) return unexpected(DecodeError::Truncated);
  quote.source = source_address(rest);
  quote.destination = destination_address(rest);
  if (version == kVersion4) {
    quote.protocol = rest[kIpv4ProtocolOffset];
    const auto fragment = load_be<std::uint16_t>(rest.data() + kIpv4FragmentOffset);
    quote.is_later_fragment = (fragment & kIpv4FragmentOffsetMask) != 0;
    rest = rest.subspan(header_size);
  } else {
    quote.protocol = rest[kIpv6NextHeaderOffset];
    rest = rest.subspan(header_size);
    if (quote.protocol == protocol::kFragment) {
      if (rest.size() < kIpv6FragmentHeaderSize) return unexpected(DecodeError::Truncated);
      quote.protocol = rest[0];
      quote.is_later_fragment =
          (load_be<std::uint16_t>(rest.data() + 2) & kIpv6FragmentOffsetMask) != 0;
      rest = rest.subspan(kIpv6FragmentHeaderSize);
    }
  }
  if (quote.is_later_fragment || !has_ports(quote.protocol)) return quote;
  if (rest.size() < 4) return unexpected(DecodeError::Truncated);
  quote.source_port = load_be<std::uint16_t>(rest.data());
  quote.destination_port = load_be<std::uint16_t>(rest.data() + 2);
  return quote;
}

}  // namespace warren::ip
