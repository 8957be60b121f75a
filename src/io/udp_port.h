#pragma once

#include <span>

#include <sys/socket.h>

namespace warren::io {

// One UDP socket as a packet worker uses it: two system calls, thin enough for a test to stand in
// and return errors.
class UdpPort {
 public:
  UdpPort() = default;
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;
  virtual ~UdpPort() = default;

  virtual int fd() const = 0;                         // for epoll
  virtual int receive(std::span<mmsghdr> slots) = 0;  // recvmmsg: how many, or -errno
  virtual int send(std::span<mmsghdr> messages) = 0;  // sendmmsg: how many, or -errno of the first
};

// The socket of each family; either may be missing (null).
struct UdpPorts {
  UdpPort* v4 = nullptr;
  UdpPort* v6 = nullptr;
};

}  // namespace warren::io
