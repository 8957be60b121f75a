#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "io/file_descriptor.h"
#include "io/udp_port.h"

namespace warren::io {

enum class AddressFamily : std::uint8_t { V4, V6 };

struct UdpSocketOptions {
  std::uint16_t port = 0;  // 0: any
  std::uint32_t mark = 0;  // SO_MARK: keeps outer packets out of the tunnel; 0: none
  bool use_gro = true;
  bool dont_fragment = false;  // PROBE instead of OMIT (spec: data-plane section 3.4)
};

// A data socket with the options of data-plane section 3.4: 4 MiB buffers, packet info, ToS,
// overflow counter, no error queue. IPv6 sockets take IPv6 only, so both families can have the same
// port.
class UdpSocket final : public UdpPort {
 public:
  // Where it is bound, and what the kernel granted.
  struct Facts {
    std::uint16_t port = 0;
    int receive_buffer = 0;  // bytes, as the kernel counts them (double of what was asked)
    int send_buffer = 0;
    bool gso = false;  // UDP_SEGMENT is known and not on a kernel that damages it
    bool gro = false;
  };

  static Result<std::unique_ptr<UdpSocket>> bind(AddressFamily family,
                                                 const UdpSocketOptions& options);

  const Facts& facts() const { return facts_; }

  Result<void> set_mark(std::uint32_t mark);

  int fd() const override { return fd_.get(); }

  int receive(std::span<mmsghdr> slots) override;
  int send(std::span<mmsghdr> messages) override;

 private:
  UdpSocket(FileDescriptor fd, const Facts& facts) : fd_(std::move(fd)), facts_(facts) {}

  FileDescriptor fd_;
  Facts facts_;
};

}  // namespace warren::io
