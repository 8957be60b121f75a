#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"

namespace warren::node {

inline constexpr std::size_t kMaxAskedServers = 8;

// Asks all these nameservers over UDP, again each second, and returns the first answer to the
// query's question that is no failure, or the last failure when all have failed. Each is asked from
// a port of its own; what comes from elsewhere, or with another id, is none of its answers. `mark`:
// SO_MARK, 0: none. Blocks until the deadline at most.
Result<std::vector<std::uint8_t>> ask_nameservers(const std::vector<Endpoint>& servers,
                                                  ByteView query,
                                                  std::uint32_t mark,
                                                  TimePoint deadline);

}  // namespace warren::node
