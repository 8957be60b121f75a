#pragma once

#include "base/bytes.h"
#include "base/udp_path.h"

namespace warren::sim {

// What is attached to the network at an endpoint.
class Host {
 public:
  Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  virtual ~Host() = default;

  virtual void on_datagram(ByteView datagram, const UdpPath& from) = 0;
};

}  // namespace warren::sim
