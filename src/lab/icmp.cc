#include "lab/icmp.h"

#include <algorithm>
#include <cstring>

#include "lab/checksum_delta.h"
#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"

namespace warren::lab {

namespace {

constexpr std::size_t kIcmpHeaderSize = 8;  // type, code, checksum, four bytes of the type's own
constexpr std::size_t kMaxErrorSizeV4 = 576;
constexpr std::uint8_t kTtl = 64;

// RFC 792; RFC 1191 section 4 for the MTU in the last two bytes of the header.
constexpr std::uint8_t kUnreachableV4 = 3;
constexpr std::uint8_t kFragmentationNeeded = 4;
constexpr std::uint8_t kTimeExceededV4 = 11;
// RFC 4443
constexpr std::uint8_t kPacketTooBigV6 = 2;
constexpr std::uint8_t kTimeExceededV6 = 3;

// Quoted transport headers: ports, and where ICMP echo has its identifier.
constexpr std::size_t kQuotedTransportSize = 8;  // RFC 792 promises as much
constexpr std::size_t kEchoIdOffset = 4;

// A quoted packet is cut off, so its length fields say nothing.
struct Quoted {
  bool is_v4 = true;
  std::uint8_t protocol = 0;
  std::size_t header_size = 0;
};

std::optional<Quoted> read_quoted(ByteView quoted) {
  if (quoted.empty()) return std::nullopt;
  Quoted out;
  out.is_v4 = ip::version_of(quoted) == ip::kVersion4;
  if (out.is_v4) {
    out.header_size = (quoted[0] & 0x0FU) * 4UL;
    if (out.header_size < ip::kIpv4MinHeaderSize) return std::nullopt;
  } else {
    out.header_size = ip::kIpv6HeaderSize;
  }
  if (quoted.size() < out.header_size + kQuotedTransportSize) return std::nullopt;
  out.protocol = quoted[out.is_v4 ? ip::kIpv4ProtocolOffset : ip::kIpv6NextHeaderOffset];
  return out;
}

std::optional<Protocol> translated_protocol(const Quoted& quoted) {
  if (quoted.protocol == ip::protocol::kUdp) return Protocol::Udp;
  if (quoted.protocol == ip::protocol::kTcp) return Protocol::Tcp;
  const auto icmp = quoted.is_v4 ? ip::protocol::kIcmp : ip::protocol::kIcmpV6;
  if (quoted.protocol == icmp) return Protocol::Icmp;
  return std::nullopt;
}

MutableByteView quoted_part(const Packet& error) {
  const std::size_t at = std::size_t{error.info.ip_header_size} + kIcmpHeaderSize;
  return error.bytes.subspan(std::min(at, error.bytes.size()));
}

void write_checksum(MutableByteView packet, std::size_t ip_header_size, bool is_v4) {
  const MutableByteView message = packet.subspan(ip_header_size);
  store_be(message.data() + ip::kIcmpChecksumOffset, std::uint16_t{0});
  ip::Sum sum;
  if (!is_v4) {
    sum = ip::pseudo_header(packet.subspan(ip::kIpv6SourceOffset, 32), ip::protocol::kIcmpV6,
                            message.size());
  }
  sum.add(message);
  store_be(message.data() + ip::kIcmpChecksumOffset, sum.checksum());
}

void write_header_v4(MutableByteView packet, const IpAddress& source, const IpAddress& to) {
  std::uint8_t* const at = packet.data();
  std::memset(at, 0, ip::kIpv4MinHeaderSize);
  at[0] = 0x45;  // version 4, five words of header
  store_be(at + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(packet.size()));
  at[ip::kIpv4TtlOffset] = kTtl;
  at[ip::kIpv4ProtocolOffset] = ip::protocol::kIcmp;
  std::ranges::copy(source.bytes(), at + ip::kIpv4SourceOffset);
  std::ranges::copy(to.bytes(), at + ip::kIpv4DestinationOffset);
  store_be(at + ip::kIpv4ChecksumOffset,
           ip::Sum().add(packet.first(ip::kIpv4MinHeaderSize)).checksum());
}

void write_header_v6(MutableByteView packet, const IpAddress& source, const IpAddress& to) {
  std::uint8_t* const at = packet.data();
  std::memset(at, 0, ip::kIpv6HeaderSize);
  at[0] = 0x60;  // version 6
  store_be(at + ip::kIpv6LengthOffset,
           static_cast<std::uint16_t>(packet.size() - ip::kIpv6HeaderSize));
  at[ip::kIpv6NextHeaderOffset] = ip::protocol::kIcmpV6;
  at[ip::kIpv6HopLimitOffset] = kTtl;
  std::ranges::copy(source.bytes(), at + ip::kIpv6SourceOffset);
  std::ranges::copy(to.bytes(), at + ip::kIpv6DestinationOffset);
}

void write_type(std::uint8_t* message, IcmpError error, std::uint32_t mtu, bool is_v4) {
  std::memset(message, 0, kIcmpHeaderSize);
  if (error == IcmpError::TimeExceeded) {
    message[0] = is_v4 ? kTimeExceededV4 : kTimeExceededV6;
  } else if (is_v4) {
    message[0] = kUnreachableV4;
    message[1] = kFragmentationNeeded;
    store_be(message + 6, static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, 65535)));
  } else {
    message[0] = kPacketTooBigV6;
    store_be(message + 4, mtu);
  }
}

void rewrite_quoted_address(std::uint8_t* at, const IpAddress& to) {
  std::ranges::copy(to.bytes(), at);
}

void rewrite_quoted(MutableByteView bytes, const Quoted& quoted, const Flow& from, const Flow& to) {
  std::uint8_t* const at = bytes.data();
  ChecksumDelta delta;
  delta.replace(from.source.address, to.source.address);
  delta.replace(from.destination.address, to.destination.address);
  rewrite_quoted_address(at + (quoted.is_v4 ? ip::kIpv4SourceOffset : ip::kIpv6SourceOffset),
                         to.source.address);
  rewrite_quoted_address(
      at + (quoted.is_v4 ? ip::kIpv4DestinationOffset : ip::kIpv6DestinationOffset),
      to.destination.address);
  if (quoted.is_v4) delta.apply(at + ip::kIpv4ChecksumOffset);

  std::uint8_t* const transport = at + quoted.header_size;
  if (to.protocol == Protocol::Icmp) {
    ChecksumDelta echo = quoted.is_v4 ? ChecksumDelta() : delta;
    const std::uint16_t id =
        to.source.port != from.source.port ? to.source.port : to.destination.port;
    echo.replace(from.source.port, id);
    store_be(transport + kEchoIdOffset, id);
    echo.apply(transport + ip::kIcmpChecksumOffset);
    return;
  }
  store_be(transport, to.source.port);
  store_be(transport + 2, to.destination.port);
  delta.replace(from.source.port, to.source.port);
  delta.replace(from.destination.port, to.destination.port);
  if (to.protocol == Protocol::Udp) {
    delta.apply_udp(transport + ip::kUdpChecksumOffset);
  } else if (bytes.size() >= quoted.header_size + ip::kTcpChecksumOffset + 2) {
    delta.apply(transport + ip::kTcpChecksumOffset);
  }
}

}  // namespace

bool may_be_answered(const Packet& packet) {
  const ip::PacketInfo& info = packet.info;
  return info.kind != ip::PacketKind::Fragment && !is_icmp_error(info) &&
         !info.source.is_unspecified() && !info.source.is_multicast() &&
         !info.destination.is_multicast();
}

std::size_t write_icmp_error(IcmpError error,
                             std::uint32_t mtu,
                             const IpAddress& router,
                             ByteView offending,
                             MutableByteView out) {
  const bool is_v4 = router.is_v4();
  const std::size_t header_size = is_v4 ? ip::kIpv4MinHeaderSize : ip::kIpv6HeaderSize;
  const std::size_t largest = is_v4 ? kMaxErrorSizeV4 : kMaxIcmpErrorSize;
  const ByteView quoted =
      offending.first(std::min(offending.size(), largest - header_size - kIcmpHeaderSize));
  const MutableByteView packet = out.first(header_size + kIcmpHeaderSize + quoted.size());
  const IpAddress to = ip::source_address(offending);
  if (is_v4) {
    write_header_v4(packet, router, to);
  } else {
    write_header_v6(packet, router, to);
  }
  write_type(packet.data() + header_size, error, mtu, is_v4);
  std::ranges::copy(quoted, packet.data() + header_size + kIcmpHeaderSize);
  write_checksum(packet, header_size, is_v4);
  return packet.size();
}

std::optional<Flow> quoted_flow(const Packet& error) {
  const ByteView bytes = quoted_part(error);
  const auto quoted = read_quoted(bytes);
  if (!quoted || quoted->is_v4 != (error.info.version == ip::kVersion4)) return std::nullopt;
  const auto protocol = translated_protocol(*quoted);
  if (!protocol) return std::nullopt;
  const std::uint8_t* const transport = bytes.data() + quoted->header_size;
  Flow out{*protocol, {ip::source_address(bytes)}, {ip::destination_address(bytes)}};
  const bool is_echo = *protocol == Protocol::Icmp;
  out.source.port = load_be<std::uint16_t>(transport + (is_echo ? kEchoIdOffset : 0));
  out.destination.port = load_be<std::uint16_t>(transport + (is_echo ? kEchoIdOffset : 2));
  return out;
}

void rewrite_error(Packet& error,
                   const Flow& from,
                   const Flow& to,
                   const IpAddress& source,
                   const IpAddress& destination) {
  const MutableByteView bytes = quoted_part(error);
  const auto quoted = read_quoted(bytes);
  if (!quoted) return;  // then it has no quoted_flow
  rewrite_quoted(bytes, *quoted, from, to);
  const bool is_v4 = error.info.version == ip::kVersion4;
  std::uint8_t* const at = error.bytes.data();
  if (is_v4) {
    ChecksumDelta delta;
    delta.replace(error.info.source, source);
    delta.replace(error.info.destination, destination);
    delta.apply(at + ip::kIpv4ChecksumOffset);
  }
  rewrite_quoted_address(at + (is_v4 ? ip::kIpv4SourceOffset : ip::kIpv6SourceOffset), source);
  rewrite_quoted_address(at + (is_v4 ? ip::kIpv4DestinationOffset : ip::kIpv6DestinationOffset),
                         destination);
  error.info.source = source;
  error.info.destination = destination;
  error.header = {};
  write_checksum(error.bytes, error.info.ip_header_size, is_v4);
}

}  // namespace warren::lab
