#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"
#include "proto/virtio/net_header.h"
#include "tunnel/drop_reason.h"

namespace warren::tunnel {

// Turns what one read of a TUN device gave into complete packets, one at a time (spec: data-plane
// section 2.3). A super-packet is cut into segments with their own lengths, sequence numbers, flags
// and checksums; a packet with a partial checksum is completed; any other is copied as it is.
//
// An iterator: the caller stops when its buffer is full and goes on with the next one. There is no
// bound on the number of segments but the packet's size. The packet must stay until done().
class Splitter {
 public:
  // Fails with TunBadHeader. A TCP super-packet is cut into packets of at most `max_packet_size`,
  // which may be less than the device's MTU (section 7); nothing else is made smaller.
  static Result<Splitter, DropReason> create(const virtio::NetHeader& header,
                                             ByteView packet,
                                             std::size_t max_packet_size = ip::kMaxPacketSize);

  // Known before the first segment is taken, so that counters and room can be reserved.
  std::size_t count() const { return count_; }

  std::size_t remaining() const { return count_ - index_; }

  bool done() const { return index_ == count_; }

  // Bytes of all segments together.
  std::size_t total_size() const { return count_ * headers_size_ + payload_size(); }

  // Size of segment `index`. All but the last are equal, the last is not larger.
  std::size_t size_of(std::size_t index) const;

  // Size of the segment that next() would write; 0 when done.
  std::size_t next_size() const { return done() ? 0 : size_of(index_); }

  // Writes the next segment to the start of `out`, which must not overlap the packet, and returns
  // its size; 0 when done, or when `out` is too small.
  std::size_t next(MutableByteView out);

 private:
  enum class Kind : std::uint8_t { Plain, PartialChecksum, Tcp, Udp };

  Splitter() = default;

  bool init_gso(const virtio::NetHeader& header, std::size_t max_packet_size);
  void sum_constant_fields();

  std::size_t payload_size() const { return packet_.size() - headers_size_; }

  void write_ip_header(MutableByteView segment) const;
  void write_tcp(MutableByteView segment, ByteView payload) const;
  void write_udp(MutableByteView segment, ByteView payload) const;
  void write_completed(MutableByteView out) const;

  ByteView packet_;
  Kind kind_ = Kind::Plain;
  bool is_v6_ = false;
  std::size_t ip_header_size_ = 0;  // PartialChecksum: where the sum starts
  std::size_t headers_size_ = 0;    // 0 when the packet is not cut
  std::size_t checksum_at_ = 0;     // offset of the transport checksum in the packet
  std::size_t segment_payload_ = 0;
  std::size_t count_ = 1;
  std::size_t index_ = 0;
  ip::Sum ip_constant_;         // of the IPv4 header: what is the same in each segment
  ip::Sum transport_constant_;  // likewise of pseudo-header and transport header
};

}  // namespace warren::tunnel
