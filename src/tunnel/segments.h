#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "proto/wireguard/messages.h"

namespace warren::tunnel {

// The datagrams inside one receive buffer (spec: data-plane sections 3.1 and 3.2). UDP_GRO lays
// equal-sized datagrams end to end, the last may be shorter, and gives their size; for a single
// datagram it gives none, which is passed as 0.
class Segments {
 public:
  Segments(MutableByteView buffer, std::size_t segment_size)
      : rest_(buffer), segment_size_(segment_size == 0 ? buffer.size() : segment_size) {}

  bool done() const { return done_; }

  // The next datagram; call only before done(). An empty buffer is one empty datagram.
  MutableByteView next() {
    const std::size_t size = std::min(segment_size_, rest_.size());
    const MutableByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    done_ = rest_.empty();
    return out;
  }

 private:
  MutableByteView rest_;
  std::size_t segment_size_;
  bool done_ = false;
};

enum class DatagramKind : std::uint8_t {
  Data,     // WireGuard transport data: the fast path
  Control,  // a handshake message: copied to the control strand
  Unknown,  // dropped as rx_unknown
  Runt,  // shorter than any message, such as the 1-byte tails of stock clients: dropped as rx_runt
};

// Section 3.6, for each datagram, never for a whole buffer: equal-sized data and control share one.
inline DatagramKind classify(ByteView datagram) {
  if (datagram.size() < wireguard::kMinMessageSize) return DatagramKind::Runt;
  const auto type = wireguard::classify(datagram);
  if (!type) return DatagramKind::Unknown;
  return *type == wireguard::MessageType::Data ? DatagramKind::Data : DatagramKind::Control;
}

}  // namespace warren::tunnel
