#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/udp_path.h"
#include "io/udp_port.h"

namespace warren::io {

// One received buffer: a datagram, or several of equal size that the kernel merged (UDP_GRO), the
// last perhaps shorter.
struct InMessage {
  std::uint8_t* data =
      nullptr;  // in a slot of the receiver; opened in place; valid until the next receive()
  std::uint32_t size = 0;
  std::uint32_t segment_size = 0;  // == size for a single datagram; never 0 unless size is
  UdpPath from;                    // the remote, and our address and interface it came to
  std::uint8_t tos = 0;            // outer DSCP and ECN, equal for all datagrams of the buffer
};

// Receive slots and control buffers of one worker, fixed (spec: data-plane sections 3.1, 5.2). One
// thread; never allocates after construction.
class UdpReceiver {
 public:
  static constexpr std::size_t kSlots = 4;
  static constexpr std::size_t kSlotSize =
      65536;  // a GSO datagram over veth or loopback arrives whole

  UdpReceiver();
  ~UdpReceiver();

  // What is there now, at most kSlots messages; empty when nothing is. `error` gets the errno of
  // anything but "empty". Truncated buffers are left out and counted.
  std::span<InMessage> receive(UdpPort& port, int& error);

  std::uint64_t truncated() const;
  // Datagrams the kernel dropped because the socket's buffer was full (SO_RXQ_OVFL, summed over
  // both families).
  std::uint64_t overflowed() const;

 private:
  struct Slots;
  std::unique_ptr<Slots> slots_;
};

}  // namespace warren::io
