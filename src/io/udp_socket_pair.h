#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/udp_socket.h"

namespace warren::io {

// The sockets of both families on one port.
struct UdpSocketPair {
  std::unique_ptr<UdpSocket> v4;
  std::unique_ptr<UdpSocket> v6;  // null where the host has no IPv6; then `note` says why
  std::uint16_t port = 0;
  std::string note;

  UdpPorts ports() const { return {.v4 = v4.get(), .v6 = v6.get()}; }
};

// With options.port 0 a port that is free in both families; otherwise that port in both, or an
// error.
Result<UdpSocketPair> bind_udp_pair(const UdpSocketOptions& options);

}  // namespace warren::io
