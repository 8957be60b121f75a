#include "proto/ip/tsmp.h"

#include <algorithm>

#include "proto/ip/checksum.h"

namespace warren::ip {

namespace {

constexpr std::uint8_t kPing = 'p';
constexpr std::uint8_t kPong = 'o';
constexpr std::size_t kDataSize = 8;  // opaque, and comes back
constexpr std::size_t kPingSize = 1 + kDataSize;
constexpr std::size_t kPongSize = kPingSize + kTsmpPongGrowth;
constexpr std::uint8_t kHopLimit = 64;  // what IANA recommends as the default (RFC 1700)

void turn_v4(MutableByteView packet, std::size_t header_size) {
  std::uint8_t* const at = packet.data();
  std::swap_ranges(at + kIpv4SourceOffset, at + kIpv4DestinationOffset,
                   at + kIpv4DestinationOffset);
  store_be(at + kIpv4LengthOffset, static_cast<std::uint16_t>(packet.size()));
  at[kIpv4TtlOffset] = kHopLimit;
  store_be<std::uint16_t>(at + kIpv4ChecksumOffset, 0);
  store_be(at + kIpv4ChecksumOffset, Sum().add(packet.first(header_size)).checksum());
}

void turn_v6(MutableByteView packet, std::size_t header_size) {
  std::uint8_t* const at = packet.data();
  std::swap_ranges(at + kIpv6SourceOffset, at + kIpv6DestinationOffset,
                   at + kIpv6DestinationOffset);
  store_be(at + kIpv6LengthOffset, static_cast<std::uint16_t>(packet.size() - header_size));
  at[kIpv6HopLimitOffset] = kHopLimit;
}

}  // namespace

std::optional<ByteView> make_tsmp_pong(MutableByteView buffer,
                                       const PacketInfo& info,
                                       std::uint16_t peer_api_port) {
  const std::size_t header_size = info.ip_header_size;
  const bool is_plain = info.version == kVersion4 || header_size == kIpv6HeaderSize;
  if (info.protocol != protocol::kTsmp || info.kind != PacketKind::OtherProtocol || !is_plain ||
      info.total_size < header_size + kPingSize || buffer[header_size] != kPing) {
    return std::nullopt;
  }
  const MutableByteView pong = buffer.first(header_size + kPongSize);
  pong[header_size] = kPong;
  store_be(pong.data() + header_size + kPingSize, peer_api_port);
  if (info.version == kVersion4) {
    turn_v4(pong, header_size);
  } else {
    turn_v6(pong, header_size);
  }
  return pong;
}

}  // namespace warren::ip
