#pragma once

#include "base/udp_path.h"
#include "proto/relay/region.h"

namespace warren::wg {

// Where a handshake message that came through a relay is said to be from, for cookies and the rate
// limit: an address for each peer, of the prefix that nothing is ever received from or sent to,
// 100::/64 (RFC 6666; spec: paths section 1.4). Never a path. Whoever receives datagrams drops
// those that claim to be from there.
UdpPath relayed_source(const relay::Route& from);
bool is_relayed_source(const IpAddress& address);

}  // namespace warren::wg
