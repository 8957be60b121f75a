#pragma once

#include <span>

#include "base/ip_address.h"
#include "io/tun_device.h"

namespace warren::io {

// Some kernels advertise offloads and then reject super-packets with a short tail, or all of them
// (spec: data-plane section 2.1). Writes two-segment super-packets with TTL 0 from and to our own
// addresses, one with an equal and one with a short tail, which no one receives; EINVAL means
// rejected. Returns what is really accepted, which is what was advertised where nothing could be
// learned. Call it once the interface is up.
TunOffloads probe_coalescing(TunPort& device,
                             const TunOffloads& advertised,
                             std::span<const IpAddress> own_addresses);

inline TunOffloads probe_coalescing(TunDevice& device, std::span<const IpAddress> own_addresses) {
  return probe_coalescing(device, device.offloads(), own_addresses);
}

}  // namespace warren::io
