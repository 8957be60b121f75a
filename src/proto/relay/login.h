#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"

// The login of a DERP connection: two boxes of JSON (spec: paths section 2.3). That the box opens
// proves that the client holds its node key.
namespace warren::relay {

// Of a payload that we open. A stock client's has 104 bytes, 180 with a mesh key; what is longer is
// hostile (the format's bound is kMaxClientInfo).
inline constexpr std::size_t kMaxLoginSize = 16384;

struct ClientInfo {
  std::string mesh_key;  // 64 hex digits; empty: none
  int version = 0;
  bool can_ack_pings = false;
  bool is_prober = false;

  bool operator==(const ClientInfo&) const = default;
};

struct ServerInfo {
  int version = 0;
  std::uint64_t rate_bytes_per_second = 0;  // zero: no limit
  std::uint64_t rate_burst_bytes = 0;

  bool operator==(const ServerInfo&) const = default;
};

struct OpenedClientInfo {
  NodePublicKey client;
  ClientInfo info;
};

// Payloads of ClientInfo and ServerInfo. BadValue: the box does not open, or is no such JSON;
// unknown members are ignored and names compare without case. BadLength: over kMaxLoginSize.
Result<OpenedClientInfo, DecodeError> open_client_info(ByteView payload,
                                                       const RelayPrivateKey& server);
Result<ServerInfo, DecodeError> open_server_info(ByteView payload,
                                                 const NodePrivateKey& client,
                                                 const RelayPublicKey& server);

// Whole frames; empty when the other's public key is a low-order point, which nothing can be sealed
// for.
std::vector<std::uint8_t> seal_client_info(const ClientInfo& info,
                                           const NodePrivateKey& client,
                                           const RelayPublicKey& server,
                                           Random& random);
std::vector<std::uint8_t> seal_server_info(const ServerInfo& info,
                                           const RelayPrivateKey& server,
                                           const NodePublicKey& client,
                                           Random& random);

}  // namespace warren::relay
