#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>
#include <sys/uio.h>

#include "base/bytes.h"

namespace warren::io {

// What the kernel accepted (spec: data-plane section 2.1). Without vnet_header every read and write
// is one packet and carries no header; tun_device.h then makes a header of zeros up, so callers see
// one format.
struct TunOffloads {
  bool vnet_header = false;
  bool tcp = false;  // TSO4 and TSO6, with checksums
  bool udp = false;  // USO4 and USO6

  bool operator==(const TunOffloads&) const = default;
};

// One queue of a TUN device as a packet worker uses it; an interface so that tests inject errors.
class TunPort {
 public:
  TunPort() = default;
  TunPort(const TunPort&) = delete;
  TunPort& operator=(const TunPort&) = delete;
  virtual ~TunPort() = default;

  virtual int fd() const = 0;  // for epoll

  // One packet or super-packet. `header` takes the 10-byte virtio header; `packet` should have room
  // for 65,535 bytes, since a shorter buffer truncates silently. Returns the packet's size, or
  // -errno.
  virtual ssize_t read(std::span<std::uint8_t, 10> header, MutableByteView packet) = 0;

  // Part 0 begins with the virtio header. Returns 0, or -errno. At most 66 parts.
  virtual int write(std::span<const iovec> parts) = 0;
};

}  // namespace warren::io
