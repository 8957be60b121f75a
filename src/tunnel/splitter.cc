#include "tunnel/splitter.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace warren::tunnel {

namespace {

using virtio::GsoType;

// On the last segment only, and on the first only (data-plane section 2.3; classic ECN).
constexpr std::uint8_t kLastOnly = ip::tcp_flag::kFin | ip::tcp_flag::kPsh;
constexpr std::uint8_t kFirstOnly = ip::tcp_flag::kCwr;

std::optional<std::size_t> transport_offset_v4(ByteView packet, std::uint8_t protocol) {
  if (packet.size() < ip::kIpv4MinHeaderSize) return std::nullopt;
  const std::size_t header_size = (packet[0] & 0x0FU) * 4UL;
  const auto fragment = load_be<std::uint16_t>(packet.data() + ip::kIpv4FragmentOffset);
  if (header_size < ip::kIpv4MinHeaderSize || header_size > packet.size()) return std::nullopt;
  if ((fragment & (ip::kIpv4MoreFragments | ip::kIpv4FragmentOffsetMask)) != 0) return std::nullopt;
  if (packet[ip::kIpv4ProtocolOffset] != protocol) return std::nullopt;
  return header_size;
}

// Walks hop-by-hop and destination options. A routing header would change the pseudo-header's
// destination (RFC 8200 section 8.1); a fragment is never a super-packet.
std::optional<std::size_t> transport_offset_v6(ByteView packet, std::uint8_t protocol) {
  if (packet.size() < ip::kIpv6HeaderSize) return std::nullopt;
  std::uint8_t next = packet[ip::kIpv6NextHeaderOffset];
  std::size_t at = ip::kIpv6HeaderSize;
  while (next == ip::protocol::kHopByHop || next == ip::protocol::kDestinationOptions) {
    if (packet.size() < at + 8) return std::nullopt;  // RFC 8200 section 4.2: units of 8 bytes
    next = packet[at];
    at += (packet[at + 1] + 1UL) * 8UL;
  }
  if (next != protocol || at > packet.size()) return std::nullopt;
  return at;
}

}  // namespace

Result<Splitter, DropReason> Splitter::create(const virtio::NetHeader& header,
                                              ByteView packet,
                                              std::size_t max_packet_size) {
  if (packet.empty() || packet.size() > ip::kMaxPacketSize) {
    return unexpected(DropReason::TunBadHeader);
  }
  Splitter out;
  out.packet_ = packet;
  if (header.gso_type != GsoType::None) {
    if (!out.init_gso(header, max_packet_size)) return unexpected(DropReason::TunBadHeader);
  } else if (header.needs_checksum()) {
    const std::size_t at = std::size_t{header.checksum_start} + header.checksum_offset;
    if (at + 2 > packet.size()) return unexpected(DropReason::TunBadHeader);
    out.kind_ = Kind::PartialChecksum;
    out.ip_header_size_ = header.checksum_start;
    out.checksum_at_ = at;
  }
  return out;
}

bool Splitter::init_gso(const virtio::NetHeader& header, std::size_t max_packet_size) {
  const bool is_tcp = header.gso_type == GsoType::TcpV4 || header.gso_type == GsoType::TcpV6;
  if (!is_tcp && header.gso_type != GsoType::Udp) return false;
  const unsigned version = ip::version_of(packet_);
  if (header.gso_type == GsoType::TcpV4 && version != ip::kVersion4) return false;
  if (header.gso_type == GsoType::TcpV6 && version != ip::kVersion6) return false;
  if (version != ip::kVersion4 && version != ip::kVersion6) return false;

  kind_ = is_tcp ? Kind::Tcp : Kind::Udp;
  is_v6_ = version == ip::kVersion6;
  const std::uint8_t protocol = is_tcp ? ip::protocol::kTcp : ip::protocol::kUdp;
  const auto offset =
      is_v6_ ? transport_offset_v6(packet_, protocol) : transport_offset_v4(packet_, protocol);
  if (!offset || *offset != header.checksum_start) return false;
  ip_header_size_ = *offset;
  const ByteView transport = packet_.subspan(ip_header_size_);

  std::size_t transport_header_size = ip::kUdpHeaderSize;
  std::size_t checksum_offset = ip::kUdpChecksumOffset;
  if (is_tcp) {
    if (transport.size() < ip::kTcpMinHeaderSize) return false;
    transport_header_size = (transport[ip::kTcpDataOffset] >> 4U) * 4UL;
    if (transport_header_size < ip::kTcpMinHeaderSize) return false;
    checksum_offset = ip::kTcpChecksumOffset;
  }
  if (transport_header_size > transport.size()) return false;
  if (header.checksum_offset != checksum_offset || header.gso_size == 0) return false;

  checksum_at_ = ip_header_size_ + checksum_offset;
  headers_size_ = ip_header_size_ + transport_header_size;
  segment_payload_ = header.gso_size;
  if (is_tcp && max_packet_size > headers_size_) {
    segment_payload_ = std::min(segment_payload_, max_packet_size - headers_size_);
  }
  count_ = std::max<std::size_t>(1, (payload_size() + segment_payload_ - 1) / segment_payload_);
  sum_constant_fields();
  return true;
}

void Splitter::sum_constant_fields() {
  const ByteView ip_header = packet_.first(ip_header_size_);
  ByteView addresses;
  if (is_v6_) {
    addresses = ip_header.subspan(ip::kIpv6SourceOffset, 32);
  } else {
    addresses = ip_header.subspan(ip::kIpv4SourceOffset, 8);
    ip_constant_.add(ip_header.first(ip::kIpv4LengthOffset));
    ip_constant_.add(ip_header.subspan(ip::kIpv4FragmentOffset, 4));
    ip_constant_.add(ip_header.subspan(ip::kIpv4SourceOffset));
  }
  const ByteView header = packet_.subspan(ip_header_size_, headers_size_ - ip_header_size_);
  const bool is_tcp = kind_ == Kind::Tcp;
  transport_constant_ =
      ip::pseudo_header(addresses, is_tcp ? ip::protocol::kTcp : ip::protocol::kUdp, 0);
  transport_constant_.add(header.first(4));  // ports
  if (!is_tcp) return;
  transport_constant_.add(header.subspan(ip::kTcpAckOffset, 4));
  transport_constant_.add_be16(static_cast<std::uint16_t>(header[ip::kTcpDataOffset] << 8U));
  transport_constant_.add(header.subspan(ip::kTcpWindowOffset, 2));
  transport_constant_.add(header.subspan(ip::kTcpChecksumOffset + 2));  // urgent pointer, options
}

std::size_t Splitter::size_of(std::size_t index) const {
  if (headers_size_ == 0) return packet_.size();
  const std::size_t from = index * segment_payload_;
  return headers_size_ + std::min(segment_payload_, payload_size() - from);
}

std::size_t Splitter::next(MutableByteView out) {
  const std::size_t size = next_size();
  if (size == 0 || out.size() < size) return 0;
  const MutableByteView segment = out.first(size);
  switch (kind_) {
    case Kind::Plain:
      std::memcpy(segment.data(), packet_.data(), size);
      break;
    case Kind::PartialChecksum:
      write_completed(segment);
      break;
    case Kind::Tcp:
    case Kind::Udp: {
      std::memcpy(segment.data(), packet_.data(), headers_size_);
      const ByteView payload =
          packet_.subspan(headers_size_ + index_ * segment_payload_, size - headers_size_);
      write_ip_header(segment);
      if (kind_ == Kind::Tcp) {
        write_tcp(segment, payload);
      } else {
        write_udp(segment, payload);
      }
      break;
    }
  }
  ++index_;
  return size;
}

void Splitter::write_ip_header(MutableByteView segment) const {
  std::uint8_t* header = segment.data();
  if (is_v6_) {
    const std::size_t length = segment.size() - ip::kIpv6HeaderSize;
    store_be(header + ip::kIpv6LengthOffset, static_cast<std::uint16_t>(length));
    return;
  }
  const auto length = static_cast<std::uint16_t>(segment.size());
  const auto id =
      static_cast<std::uint16_t>(load_be<std::uint16_t>(header + ip::kIpv4IdOffset) + index_);
  ip::Sum sum = ip_constant_;
  sum.add_be16(length).add_be16(id);
  store_be(header + ip::kIpv4LengthOffset, length);
  store_be(header + ip::kIpv4IdOffset, id);
  store_be(header + ip::kIpv4ChecksumOffset, sum.checksum());
}

void Splitter::write_tcp(MutableByteView segment, ByteView payload) const {
  std::uint8_t* header = segment.data() + ip_header_size_;
  const auto first = load_be<std::uint32_t>(header + ip::kTcpSequenceOffset);
  const auto sequence = first + static_cast<std::uint32_t>(index_ * segment_payload_);
  std::uint8_t flags = header[ip::kTcpFlagsOffset];
  if (index_ + 1 != count_) flags &= static_cast<std::uint8_t>(~kLastOnly);
  if (index_ != 0) flags &= static_cast<std::uint8_t>(~kFirstOnly);
  store_be(header + ip::kTcpSequenceOffset, sequence);
  header[ip::kTcpFlagsOffset] = flags;

  ip::Sum sum = transport_constant_;
  sum.add_be16(static_cast<std::uint16_t>(segment.size() - ip_header_size_));
  sum.add_be16(static_cast<std::uint16_t>(sequence >> 16U));
  sum.add_be16(static_cast<std::uint16_t>(sequence & 0xFFFFU));
  sum.add_be16(flags);
  sum.add_and_copy(payload, segment.data() + headers_size_);
  store_be(segment.data() + checksum_at_, sum.checksum());
}

void Splitter::write_udp(MutableByteView segment, ByteView payload) const {
  const auto length = static_cast<std::uint16_t>(segment.size() - ip_header_size_);
  store_be(segment.data() + ip_header_size_ + ip::kUdpLengthOffset, length);
  ip::Sum sum = transport_constant_;
  sum.add_be16(length).add_be16(length);  // in the pseudo-header and in the header
  sum.add_and_copy(payload, segment.data() + headers_size_);
  store_be(segment.data() + checksum_at_, sum.udp_checksum());
}

// The checksum field holds the folded pseudo-header sum and is summed with the rest.
void Splitter::write_completed(MutableByteView out) const {
  std::memcpy(out.data(), packet_.data(), ip_header_size_);
  ip::Sum sum;
  sum.add_and_copy(packet_.subspan(ip_header_size_), out.data() + ip_header_size_);
  const bool is_udp = checksum_at_ - ip_header_size_ == ip::kUdpChecksumOffset;
  store_be(out.data() + checksum_at_, is_udp ? sum.udp_checksum() : sum.checksum());
}

}  // namespace warren::tunnel
