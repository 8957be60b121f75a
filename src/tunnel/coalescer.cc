#include "tunnel/coalescer.h"

#include <algorithm>
#include <cstring>

#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"

namespace warren::tunnel {

namespace {

using virtio::kNetHeaderSize;

constexpr std::uint16_t kIpv4ReservedBit = 0x8000;  // RFC 791 section 3.1
constexpr std::size_t kPortsSize = 4;

template <class T>
T load(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool same_bytes(ByteView a, ByteView b, std::size_t from, std::size_t to) {
  return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

ByteView addresses_of(ByteView packet, unsigned version) {
  return version == ip::kVersion4 ? packet.subspan(ip::kIpv4SourceOffset, 8)
                                  : packet.subspan(ip::kIpv6SourceOffset, 32);
}

std::size_t length_offset(unsigned version) {
  return version == ip::kVersion4 ? ip::kIpv4LengthOffset : ip::kIpv6LengthOffset;
}

void emit_alone(std::uint8_t* packet, std::size_t size, WriteSink& sink) {
  const BufferPart part{.data = packet - kNetHeaderSize, .size = kNetHeaderSize + size};
  std::memset(part.data, 0, kNetHeaderSize);
  sink.write({.parts = {&part, 1}, .size = part.size});
}

void mend_ipv4_checksum(std::uint8_t* header) {
  store_be<std::uint16_t>(header + ip::kIpv4ChecksumOffset, 0);
  const std::uint16_t checksum = ip::Sum().add({header, ip::kIpv4MinHeaderSize}).checksum();
  store_be(header + ip::kIpv4ChecksumOffset, checksum);
}

}  // namespace

void Coalescer::add(MutableByteView packet, Destination destination) {
  Candidate candidate;
  const Membership membership = read(packet, destination, candidate);
  if (membership == Membership::Any) flush();
  if (membership != Membership::One) {
    write_alone(packet);
    return;
  }
  bool is_intact = true;
  if (const std::size_t index = find(candidate.key); index < flow_count_) {
    Flow& flow = flows_[order_[index]];
    const Verdict verdict = judge(flow, candidate);
    if (verdict != Verdict::Refuse) {
      // The first packet is verified only once there is something to merge it with.
      if (!flow.first_verified) flow.first_verified = has_good_checksums(flow.first);
      is_intact = has_good_checksums(candidate);
      if (flow.first_verified && is_intact) {
        append(flow, candidate);
        if (verdict == Verdict::AppendAndClose) close(index);
        return;
      }
    }
    close(index);
  }
  if (candidate.may_merge && is_intact && !candidate.has_psh) {
    open(candidate);
  } else {
    write_alone(packet);
  }
}

void Coalescer::flush() {
  while (flow_count_ > 0) close(0);
}

Coalescer::Membership Coalescer::read(MutableByteView packet,
                                      Destination destination,
                                      Candidate& out) const {
  if (packet.empty()) return Membership::None;
  out.packet = packet;
  Membership membership = Membership::None;
  switch (ip::version_of(packet)) {
    case ip::kVersion4:
      membership = read_v4(out);
      break;
    case ip::kVersion6:
      membership = read_v6(out);
      break;
    default:
      break;
  }
  if (membership != Membership::One) return membership;
  out.key.ports = load<std::uint32_t>(packet.data() + out.ip_header_size);
  if (!out.may_merge) return membership;
  if (out.key.protocol == ip::protocol::kTcp) {
    read_tcp(out);
  } else {
    read_udp(out, destination);
  }
  return membership;
}

Coalescer::Membership Coalescer::read_v4(Candidate& out) {
  const ByteView packet = out.packet;
  if (packet.size() < ip::kIpv4MinHeaderSize) return Membership::None;
  const std::size_t header_size = (packet[0] & 0x0FU) * 4UL;
  const auto fragment = load_be<std::uint16_t>(packet.data() + ip::kIpv4FragmentOffset);
  const std::uint8_t protocol = packet[ip::kIpv4ProtocolOffset];
  if (protocol != ip::protocol::kTcp && protocol != ip::protocol::kUdp) return Membership::None;
  if ((fragment & (ip::kIpv4MoreFragments | ip::kIpv4FragmentOffsetMask)) != 0) {
    return Membership::Any;
  }
  if (packet.size() < header_size + kPortsSize) return Membership::None;
  out.key.version = ip::kVersion4;
  out.key.protocol = protocol;
  out.key.addresses[0] = load<std::uint64_t>(packet.data() + ip::kIpv4SourceOffset);
  out.ip_header_size = static_cast<std::uint8_t>(header_size);
  out.has_df = (fragment & ip::kIpv4DontFragment) != 0;
  out.id = load_be<std::uint16_t>(packet.data() + ip::kIpv4IdOffset);
  out.may_merge = header_size == ip::kIpv4MinHeaderSize && (fragment & kIpv4ReservedBit) == 0 &&
                  load_be<std::uint16_t>(packet.data() + ip::kIpv4LengthOffset) == packet.size();
  return Membership::One;
}

Coalescer::Membership Coalescer::read_v6(Candidate& out) {
  const ByteView packet = out.packet;
  if (packet.size() < ip::kIpv6HeaderSize) return Membership::None;
  const std::uint8_t protocol = packet[ip::kIpv6NextHeaderOffset];
  if (protocol == ip::protocol::kIcmpV6) return Membership::None;
  if (protocol != ip::protocol::kTcp && protocol != ip::protocol::kUdp) return Membership::Any;
  if (packet.size() < ip::kIpv6HeaderSize + kPortsSize) return Membership::None;
  out.key.version = ip::kVersion6;
  out.key.protocol = protocol;
  std::memcpy(out.key.addresses.data(), packet.data() + ip::kIpv6SourceOffset, 32);
  out.ip_header_size = ip::kIpv6HeaderSize;
  out.has_df = true;  // has no ID
  out.may_merge =
      ip::kIpv6HeaderSize + load_be<std::uint16_t>(packet.data() + ip::kIpv6LengthOffset) ==
      packet.size();
  return Membership::One;
}

void Coalescer::read_tcp(Candidate& out) const {
  out.may_merge = false;
  const ByteView transport = ByteView(out.packet).subspan(out.ip_header_size);
  if (!switches_.tcp || transport.size() < ip::kTcpMinHeaderSize) return;
  const std::size_t header_size = (transport[ip::kTcpDataOffset] >> 4U) * 4UL;
  if (header_size < ip::kTcpMinHeaderSize || header_size >= transport.size()) return;
  if ((transport[ip::kTcpDataOffset] & 0x0FU) != 0) return;  // reserved bits and AE
  const std::uint8_t flags = transport[ip::kTcpFlagsOffset];
  out.has_psh = (flags & ip::tcp_flag::kPsh) != 0;
  if ((flags & ~ip::tcp_flag::kPsh) != ip::tcp_flag::kAck) return;
  out.transport_header_size = static_cast<std::uint8_t>(header_size);
  out.sequence = load_be<std::uint32_t>(transport.data() + ip::kTcpSequenceOffset);
  out.may_merge = true;
}

void Coalescer::read_udp(Candidate& out, Destination destination) const {
  out.may_merge = false;
  const ByteView transport = ByteView(out.packet).subspan(out.ip_header_size);
  if (!switches_.udp || destination != Destination::Local) return;
  if (transport.size() <= ip::kUdpHeaderSize) return;
  if (load_be<std::uint16_t>(transport.data() + ip::kUdpLengthOffset) != transport.size()) return;
  if (load<std::uint16_t>(transport.data() + ip::kUdpChecksumOffset) == 0) return;
  out.transport_header_size = ip::kUdpHeaderSize;
  out.may_merge = true;
}

Coalescer::Verdict Coalescer::judge(const Flow& flow, const Candidate& candidate) {
  if (!candidate.may_merge || !has_same_headers(flow.first, candidate)) return Verdict::Refuse;
  if (!candidate.has_df && candidate.id != flow.next_id) return Verdict::Refuse;
  const bool is_tcp = candidate.key.protocol == ip::protocol::kTcp;
  if (is_tcp && candidate.sequence != flow.next_sequence) return Verdict::Refuse;
  const std::size_t payload = candidate.payload_size();
  const std::size_t segment = flow.first.payload_size();
  if (payload > segment || flow.size + payload > ip::kMaxPacketSize) return Verdict::Refuse;
  if (flow.count == (is_tcp ? kMaxParts : kMaxUdpParts)) return Verdict::Refuse;
  return payload < segment || candidate.has_psh ? Verdict::AppendAndClose : Verdict::Append;
}

// Everything but lengths, IDs, sequence numbers, PSH and checksums; the key has been compared.
bool Coalescer::has_same_headers(const Candidate& a, const Candidate& b) {
  if (a.headers_size() != b.headers_size()) return false;
  const ByteView x = a.packet;
  const ByteView y = b.packet;
  if (a.key.version == ip::kVersion4) {
    // Version, IHL, ToS; flags; TTL.
    if (!same_bytes(x, y, 0, ip::kIpv4LengthOffset) ||
        !same_bytes(x, y, ip::kIpv4FragmentOffset, ip::kIpv4ProtocolOffset)) {
      return false;
    }
  } else if (!same_bytes(x, y, 0, ip::kIpv6LengthOffset) ||  // version, traffic class, flow label
             x[ip::kIpv6HopLimitOffset] != y[ip::kIpv6HopLimitOffset]) {
    return false;
  }
  if (a.key.protocol == ip::protocol::kUdp) return true;
  const std::size_t tcp = a.ip_header_size;
  return same_bytes(x, y, tcp + ip::kTcpAckOffset, tcp + ip::kTcpFlagsOffset) &&
         same_bytes(x, y, tcp + ip::kTcpWindowOffset, tcp + ip::kTcpChecksumOffset) &&
         same_bytes(x, y, tcp + ip::kTcpChecksumOffset + 2, a.headers_size());  // urgent, options
}

bool Coalescer::has_good_checksums(const Candidate& candidate) {
  const ByteView packet = candidate.packet;
  const ByteView transport = packet.subspan(candidate.ip_header_size);
  if (candidate.key.version == ip::kVersion4 &&
      !ip::Sum().add(packet.first(ip::kIpv4MinHeaderSize)).verifies()) {
    return false;
  }
  return ip::pseudo_header(addresses_of(packet, candidate.key.version), candidate.key.protocol,
                           transport.size())
      .add(transport)
      .verifies();
}

std::size_t Coalescer::find(const FlowKey& key) const {
  // Newest first: consecutive packets are mostly of one flow.
  for (std::size_t i = flow_count_; i > 0; --i) {
    if (flows_[order_[i - 1]].first.key == key) return i - 1;
  }
  return flow_count_;
}

void Coalescer::open(const Candidate& candidate) {
  if (flow_count_ == kMaxFlows) close(0);
  Flow& flow = flows_[order_[flow_count_]];
  ++flow_count_;
  flow.first = candidate;
  flow.first_verified = false;
  flow.psh = false;
  flow.size = candidate.packet.size();
  flow.count = 1;
  flow.parts[0] = {.data = candidate.packet.data() - kNetHeaderSize,
                   .size = kNetHeaderSize + flow.size};
  flow.next_sequence = candidate.sequence + static_cast<std::uint32_t>(candidate.payload_size());
  flow.next_id = static_cast<std::uint16_t>(candidate.id + 1);
}

void Coalescer::append(Flow& flow, const Candidate& candidate) {
  const std::size_t payload = candidate.payload_size();
  flow.parts[flow.count] = {.data = candidate.packet.data() + candidate.headers_size(),
                            .size = payload};
  ++flow.count;
  flow.size += payload;
  flow.next_sequence += static_cast<std::uint32_t>(payload);
  ++flow.next_id;
  flow.psh = candidate.has_psh;
}

void Coalescer::close(std::size_t index) {
  const std::uint8_t slot = order_[index];
  std::copy(order_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
            order_.begin() + static_cast<std::ptrdiff_t>(flow_count_),
            order_.begin() + static_cast<std::ptrdiff_t>(index));
  --flow_count_;
  order_[flow_count_] = slot;
  write(flows_[slot]);
}

void Coalescer::write(Flow& flow) {
  if (flow.count == 1) {
    write_alone(flow.first.packet);
    return;
  }
  const Candidate& first = flow.first;
  const unsigned version = first.key.version;
  const bool is_tcp = first.key.protocol == ip::protocol::kTcp;
  std::uint8_t* header = first.packet.data();
  std::uint8_t* transport = header + first.ip_header_size;
  const std::size_t transport_size = flow.size - first.ip_header_size;
  const std::size_t checksum_offset = is_tcp ? ip::kTcpChecksumOffset : ip::kUdpChecksumOffset;

  TunWrite out{.parts = std::span(flow.parts).first(flow.count),
               .size = kNetHeaderSize + flow.size,
               .headers_size = first.headers_size()};
  out.first_length = load_be<std::uint16_t>(header + length_offset(version));
  out.first_transport_checksum = load_be<std::uint16_t>(transport + checksum_offset);
  if (version == ip::kVersion4) {
    out.first_ip_checksum = load_be<std::uint16_t>(header + ip::kIpv4ChecksumOffset);
    store_be(header + ip::kIpv4LengthOffset, static_cast<std::uint16_t>(flow.size));
    mend_ipv4_checksum(header);
  } else {
    store_be(header + ip::kIpv6LengthOffset, static_cast<std::uint16_t>(transport_size));
  }
  if (is_tcp) {
    out.gso_type = version == ip::kVersion4 ? virtio::GsoType::TcpV4 : virtio::GsoType::TcpV6;
    out.first_tcp_flags = transport[ip::kTcpFlagsOffset];
    if (flow.psh) transport[ip::kTcpFlagsOffset] |= ip::tcp_flag::kPsh;
  } else {
    out.gso_type = virtio::GsoType::Udp;
    store_be(transport + ip::kUdpLengthOffset, static_cast<std::uint16_t>(transport_size));
  }
  store_be(transport + checksum_offset, ip::pseudo_header(addresses_of(first.packet, version),
                                                          first.key.protocol, transport_size)
                                            .folded());
  virtio::encode_net_header(
      std::span<std::uint8_t, kNetHeaderSize>(header - kNetHeaderSize, kNetHeaderSize),
      {.flags = virtio::kNeedsChecksum,
       .gso_type = out.gso_type,
       .gso_ecn = false,
       .header_size = static_cast<std::uint16_t>(first.headers_size()),
       .gso_size = static_cast<std::uint16_t>(first.payload_size()),
       .checksum_start = first.ip_header_size,
       .checksum_offset = static_cast<std::uint16_t>(checksum_offset)});
  sink_.write(out);
}

void Coalescer::write_alone(MutableByteView packet) {
  emit_alone(packet.data(), packet.size(), sink_);
}

void write_apart(const TunWrite& write, WriteSink& sink) {
  std::uint8_t* header = write.parts[0].data + kNetHeaderSize;
  const std::size_t first_size = write.parts[0].size - kNetHeaderSize;
  if (write.is_merged()) {
    const unsigned version = header[0] >> 4U;
    std::uint8_t* transport =
        header + (version == ip::kVersion4 ? ip::kIpv4MinHeaderSize : ip::kIpv6HeaderSize);
    store_be(header + length_offset(version), write.first_length);
    if (version == ip::kVersion4) {
      store_be(header + ip::kIpv4ChecksumOffset, write.first_ip_checksum);
    }
    if (write.gso_type == virtio::GsoType::Udp) {
      const auto length = static_cast<std::uint16_t>(header + first_size - transport);
      store_be(transport + ip::kUdpLengthOffset, length);
      store_be(transport + ip::kUdpChecksumOffset, write.first_transport_checksum);
    } else {
      transport[ip::kTcpFlagsOffset] = write.first_tcp_flags;
      store_be(transport + ip::kTcpChecksumOffset, write.first_transport_checksum);
    }
  }
  emit_alone(header, first_size, sink);
  for (const BufferPart& part : write.parts.subspan(1)) {
    emit_alone(part.data - write.headers_size, write.headers_size + part.size, sink);
  }
}

}  // namespace warren::tunnel
