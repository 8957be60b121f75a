#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "io/file_descriptor.h"
#include "proto/dns/numbers.h"

namespace warren::dns {

// Sockets that are asked, one for UDP and one for TCP at each address. Separate from the service so
// that a program can open them before it gives up what port 53 needs.
class Sockets {
 public:
  struct Place {
    Endpoint endpoint;
    io::FileDescriptor udp;
    io::FileDescriptor tcp;  // not open: somebody else has the port; UDP alone is served
  };

  // The addresses need not exist yet (IP_FREEBIND); what is asked before they do never arrives. An
  // address whose family this machine does not have is left out. Fails when none could be bound,
  // and says why. Port 0: any, the same for UDP and TCP (tests).
  static Result<Sockets> bind(const std::vector<IpAddress>& addresses, std::uint16_t port = kPort);

  const std::vector<Place>& places() const { return places_; }

  std::vector<Place> take() { return std::move(places_); }

 private:
  std::vector<Place> places_;
};

}  // namespace warren::dns
