#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "crypto/keys.h"

// The cross-platform userspace interface of WireGuard (wireguard.com/xplatform): what `wg` says to
// a program that has a device. Lines of `key=value`, an empty line ends a request:
//
//   get=1                          set=1
//                                  private_key=HEX, listen_port, fwmark, replace_peers=true
//                                  public_key=HEX      begins a peer; what follows is about it:
//                                    remove=true, update_only=true, preshared_key=HEX, endpoint,
//                                    persistent_keepalive_interval, replace_allowed_ips=true,
//                                    allowed_ip, protocol_version=1
//
// The answer to `get` is reply.h; the answer to `set` is its errno line alone.
namespace warren::uapi {

inline constexpr std::size_t kMaxRequestSize = std::size_t{1} << 20;

struct GetRequest {};

// As it was sent: an IPv6 zone may be a name, which only the system can turn into an index.
struct PeerEndpoint {
  Endpoint endpoint;
  std::string zone;  // empty: none, or a number that stands in endpoint.scope

  bool operator==(const PeerEndpoint&) const = default;
};

// What to do to one peer, in this order. Absent fields stay as they are.
struct SetPeer {
  NodePublicKey public_key;
  bool remove = false;                        // nothing else counts then
  bool update_only = false;                   // not added if it is unknown
  std::optional<PresharedKey> preshared_key;  // all zero: none
  std::optional<PeerEndpoint> endpoint;
  std::optional<std::uint16_t> persistent_keepalive;  // seconds; 0: off
  bool replace_allowed_ips = false;                   // before allowed_ips are added
  std::vector<IpPrefix> allowed_ips;
};

struct SetRequest {
  std::optional<NodePrivateKey> private_key;  // all zero: none
  std::optional<std::uint16_t> listen_port;   // 0: any
  std::optional<std::uint32_t> fw_mark;       // 0: off
  bool replace_peers = false;                 // all that there were go first
  std::vector<SetPeer> peers;  // the same key may come twice: both are done, one after the other
};

using Request = std::variant<GetRequest, SetRequest>;

// The size of the first request in what has come in, with the empty line that ends it; none while
// that is missing.
std::optional<std::size_t> request_size(std::string_view received);

// One request with its empty line. NotThisMessage: neither get=1 nor set=1. BadValue: an unknown
// key, a value out of range, or a key where it does not belong. The caller wipes `text`.
Result<Request, DecodeError> decode_request(std::string_view text);

}  // namespace warren::uapi
