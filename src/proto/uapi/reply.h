#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "crypto/keys.h"

// Answers of the userspace interface (request.h).
namespace warren::uapi {

struct PeerState {
  NodePublicKey public_key;
  PresharedKey preshared_key;  // all zero: none
  std::optional<Endpoint> endpoint;
  std::uint64_t persistent_keepalive = 0;  // seconds; 0: off
  std::vector<IpPrefix> allowed_ips;
  std::optional<WallTime> last_handshake;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

struct DeviceState {
  NodePrivateKey private_key;  // all zero: none
  std::uint16_t listen_port = 0;
  std::uint32_t fw_mark = 0;  // 0: off
  std::vector<PeerState> peers;
};

// The answer to get=1. It holds keys: the caller wipes it.
std::string encode_get_reply(const DeviceState& device);

// The answer to set=1, and to what failed: 0, or an errno such as EINVAL. It goes out negative, as
// wireguard-tools take it (ipc-uapi.h).
std::string encode_errno(int error);

}  // namespace warren::uapi
