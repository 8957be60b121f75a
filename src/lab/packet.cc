#include "lab/packet.h"

#include <algorithm>

#include "lab/checksum_delta.h"

namespace warren::lab {

namespace {

// RFC 792, RFC 4443 section 4: echo is type, code, checksum, identifier, sequence.
constexpr std::uint8_t kEchoReplyV4 = 0;
constexpr std::uint8_t kEchoRequestV4 = 8;
constexpr std::uint8_t kEchoRequestV6 = 128;
constexpr std::uint8_t kEchoReplyV6 = 129;
constexpr std::size_t kEchoIdOffset = 4;
constexpr std::size_t kEchoHeaderSize = 8;

// RFC 792: destination unreachable, source quench, redirect, time exceeded, parameter problem.
constexpr std::uint8_t kErrorsV4[] = {3, 4, 5, 11, 12};
constexpr std::uint8_t kFirstInformationalV6 = 128;  // RFC 4443 section 2.1

bool is_echo(const ip::PacketInfo& info) {
  if (info.version == ip::kVersion4) {
    return info.protocol == ip::protocol::kIcmp &&
           (info.icmp_type == kEchoRequestV4 || info.icmp_type == kEchoReplyV4);
  }
  return info.protocol == ip::protocol::kIcmpV6 &&
         (info.icmp_type == kEchoRequestV6 || info.icmp_type == kEchoReplyV6);
}

std::size_t headers_size(const ip::PacketInfo& info) {
  return std::size_t{info.ip_header_size} + info.transport_header_size;
}

void write_addresses(Packet& packet, const IpAddress& source, const IpAddress& destination) {
  const bool is_v4 = packet.info.version == ip::kVersion4;
  std::uint8_t* const at = packet.bytes.data();
  std::ranges::copy(source.bytes(), at + (is_v4 ? ip::kIpv4SourceOffset : ip::kIpv6SourceOffset));
  std::ranges::copy(destination.bytes(),
                    at + (is_v4 ? ip::kIpv4DestinationOffset : ip::kIpv6DestinationOffset));
  packet.info.source = source;
  packet.info.destination = destination;
}

// ICMP for IPv4 sums itself only, everything else the addresses too.
void rewrite_echo(Packet& packet, std::uint16_t from, std::uint16_t to, ChecksumDelta addresses) {
  std::uint8_t* const transport = packet.bytes.data() + packet.info.ip_header_size;
  ChecksumDelta delta = packet.info.version == ip::kVersion4 ? ChecksumDelta() : addresses;
  delta.replace(from, to);
  store_be(transport + kEchoIdOffset, to);
  delta.apply(transport + ip::kIcmpChecksumOffset);
}

void rewrite_ports(Packet& packet, const Flow& from, const Flow& to, ChecksumDelta delta) {
  std::uint8_t* const transport = packet.bytes.data() + packet.info.ip_header_size;
  const bool is_udp = to.protocol == Protocol::Udp;
  std::uint8_t* const checksum =
      transport + (is_udp ? ip::kUdpChecksumOffset : ip::kTcpChecksumOffset);
  store_be(transport, to.source.port);
  store_be(transport + 2, to.destination.port);
  packet.info.source_port = to.source.port;
  packet.info.destination_port = to.destination.port;
  if (packet.header.needs_checksum()) return delta.apply_partial(checksum);
  delta.replace(from.source.port, to.source.port);
  delta.replace(from.destination.port, to.destination.port);
  if (is_udp) {
    delta.apply_udp(checksum);
  } else {
    delta.apply(checksum);
  }
}

}  // namespace

std::size_t Packet::segment_count() const {
  if (!is_super() || header.gso_size == 0) return 1;
  const std::size_t payload = bytes.size() - headers_size(info);
  return std::max<std::size_t>(1, (payload + header.gso_size - 1) / header.gso_size);
}

std::size_t Packet::largest_segment() const {
  if (!is_super()) return bytes.size();
  return std::min(bytes.size(), headers_size(info) + header.gso_size);
}

Result<Packet, DecodeError> read_packet(const virtio::NetHeader& header, MutableByteView bytes) {
  WARREN_TRY(const ip::PacketInfo info, ip::parse_packet(bytes));
  Packet out{header, bytes.first(info.total_size), info};
  out.header.flags &= virtio::kNeedsChecksum;
  if (out.is_super()) {
    if (info.kind != ip::PacketKind::Transport || info.is_fragment) {
      return unexpected(DecodeError::BadValue);
    }
    out.header.header_size = static_cast<std::uint16_t>(headers_size(info));
  } else {
    out.header.header_size = 0;
  }
  return out;
}

bool is_icmp_error(const ip::PacketInfo& info) {
  if (info.kind != ip::PacketKind::Transport) return false;
  if (info.version == ip::kVersion6) {
    return info.protocol == ip::protocol::kIcmpV6 && info.icmp_type < kFirstInformationalV6;
  }
  return info.protocol == ip::protocol::kIcmp &&
         std::ranges::find(kErrorsV4, info.icmp_type) != std::end(kErrorsV4);
}

std::optional<Flow> flow_of(const Packet& packet) {
  const ip::PacketInfo& info = packet.info;
  if (info.kind != ip::PacketKind::Transport || info.is_fragment) return std::nullopt;
  if (info.protocol == ip::protocol::kUdp || info.protocol == ip::protocol::kTcp) {
    return Flow{info.protocol == ip::protocol::kUdp ? Protocol::Udp : Protocol::Tcp,
                {info.source, info.source_port},
                {info.destination, info.destination_port}};
  }
  const ByteView transport = packet.bytes.subspan(info.ip_header_size);
  if (!is_echo(info) || transport.size() < kEchoHeaderSize) return std::nullopt;
  const auto id = load_be<std::uint16_t>(transport.data() + kEchoIdOffset);
  return Flow{Protocol::Icmp, {info.source, id}, {info.destination, id}};
}

TcpEvent tcp_event_of(const Packet& packet) {
  if (packet.info.protocol != ip::protocol::kTcp) return TcpEvent::None;
  const std::uint8_t flags = packet.info.tcp_flags;
  if ((flags & ip::tcp_flag::kRst) != 0) return TcpEvent::Reset;
  if ((flags & ip::tcp_flag::kFin) != 0) return TcpEvent::Close;
  if ((flags & ip::tcp_flag::kSyn) != 0) return TcpEvent::Open;
  return TcpEvent::None;
}

void rewrite(Packet& packet, const Flow& from, const Flow& to) {
  ChecksumDelta addresses;
  addresses.replace(from.source.address, to.source.address);
  addresses.replace(from.destination.address, to.destination.address);
  write_addresses(packet, to.source.address, to.destination.address);
  if (packet.info.version == ip::kVersion4) {
    addresses.apply(packet.bytes.data() + ip::kIpv4ChecksumOffset);
  }
  if (to.protocol != Protocol::Icmp) return rewrite_ports(packet, from, to, addresses);
  // A NAT changes the identifier on one side; the other side's still has the old one.
  const std::uint16_t id =
      to.source.port != from.source.port ? to.source.port : to.destination.port;
  rewrite_echo(packet, from.source.port, id, addresses);
}

bool decrement_ttl(Packet& packet) {
  std::uint8_t* const bytes = packet.bytes.data();
  if (packet.info.version == ip::kVersion6) {
    std::uint8_t& limit = bytes[ip::kIpv6HopLimitOffset];
    if (limit <= 1) return false;
    --limit;
    return true;
  }
  std::uint8_t& ttl = bytes[ip::kIpv4TtlOffset];
  if (ttl <= 1) return false;
  const auto word = [bytes] { return load_be<std::uint16_t>(bytes + ip::kIpv4TtlOffset); };
  const std::uint16_t before = word();
  --ttl;
  ChecksumDelta delta;
  delta.replace(before, word());
  delta.apply(bytes + ip::kIpv4ChecksumOffset);
  return true;
}

}  // namespace warren::lab
