#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "lab/nat.h"
#include "proto/ip/packet.h"
#include "proto/virtio/net_header.h"

// Packets as the router reads them from a host's TUN device and changes them on their way.
namespace warren::lab {

// A packet or super-packet in a buffer that the router may write to. `info` follows each change.
struct Packet {
  virtio::NetHeader header;
  MutableByteView bytes;
  ip::PacketInfo info;

  bool is_super() const { return header.gso_type != virtio::GsoType::None; }

  // Of a super-packet, the packets it will be cut into.
  std::size_t segment_count() const;
  std::size_t largest_segment() const;
};

// Bytes behind the packet's own length are left out. The virtio header is made safe to write back:
// only flags that mean something there, and a header size that is the headers' (spec: data-plane
// section 2.2).
Result<Packet, DecodeError> read_packet(const virtio::NetHeader& header, MutableByteView bytes);

bool is_icmp_error(const ip::PacketInfo& info);

// What a NAT translates: UDP, TCP and ICMP echo; none for everything else and for fragments.
std::optional<Flow> flow_of(const Packet& packet);
TcpEvent tcp_event_of(const Packet& packet);

// Gives the packet, whose flow_of is `from`, the addresses and ports of `to`. Checksums are mended
// from the difference (RFC 1624), so a wrong one stays wrong.
void rewrite(Packet& packet, const Flow& from, const Flow& to);

// What a router does on forwarding. False, with the packet unchanged, when there is no hop left.
bool decrement_ttl(Packet& packet);

}  // namespace warren::lab
