#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace warren::sim {

// An IPv4 packet that carries a number, so that it can be told from all others. `extra` bytes
// follow.
std::vector<std::uint8_t> make_packet(const IpAddress& source,
                                      const IpAddress& destination,
                                      std::uint64_t id,
                                      std::size_t extra = 0);

std::uint64_t packet_id(ByteView packet);

}  // namespace warren::sim
