#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "proto/ip/packet.h"

// TSMP (IP protocol 99): what Tailscale's nodes tell each other inside the tunnel, and no kernel
// gets to see (spec: paths section 4.6).
namespace warren::ip {

// A pong is longer than its ping by the port.
inline constexpr std::size_t kTsmpPongGrowth = 2;

// Turns a ping into its pong, in place: from whom it was for, to whom it came from. `buffer` begins
// with the packet that `info` is of, and has kTsmpPongGrowth bytes more at least. `peer_api_port`:
// 0 for none. Returns the pong; nothing, and the packet is as it was, when it is no ping.
std::optional<ByteView> make_tsmp_pong(MutableByteView buffer,
                                       const PacketInfo& info,
                                       std::uint16_t peer_api_port);

}  // namespace warren::ip
