#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "crypto/keys.h"

// The configuration file of wg-quick(8), which is that of `wg setconf` (wg(8)) and a few keys more:
//
//   [Interface]               once
//   PrivateKey = BASE64       required
//   Address = 10.0.0.1/24, fd00::1/64
//   ListenPort, MTU, Table, FwMark
//   [Peer]                    any number
//   PublicKey = BASE64        required
//   PresharedKey, AllowedIPs, Endpoint, PersistentKeepalive
//
// Keys and section names in either case; `#` begins a comment; lists are separated by commas or
// spaces and may go over several lines of the same key. What wg-quick would hand to other programs
// (DNS, hooks, SaveConfig) is refused, never ignored: a tunnel without its firewall hook is not
// what its owner asked for.
namespace warren::wgquick {

inline constexpr std::size_t kMaxFileSize = std::size_t{1} << 20;
inline constexpr std::size_t kMaxLineSize = std::size_t{1} << 16;
inline constexpr std::size_t kMaxAddresses = 256;
inline constexpr std::size_t kMaxPeers = 16384;        // more than fit in kMaxFileSize
inline constexpr std::size_t kMaxAllowedIps = 131072;  // of all peers; more than fit
inline constexpr unsigned kMinMtu = 576;               // RFC 791: what every IPv4 host takes
inline constexpr unsigned kMaxMtu = 65455;             // 65535 - 80: outer headers of WireGuard

// An address of the device with the length of its network. Unlike a prefix it has host bits.
struct InterfaceAddress {
  IpAddress address;
  unsigned prefix_length = 0;

  IpPrefix network() const { return {address, prefix_length}; }

  std::string to_string() const;

  auto operator<=>(const InterfaceAddress&) const = default;
};

// Where routes for the allowed IPs go. Auto: the main table, and policy routing for /0.
struct RouteTable {
  enum class Kind : std::uint8_t { Auto, Off, Number, Name };

  Kind kind = Kind::Auto;
  std::uint32_t number = 0;  // of Number
  std::string name;          // of Name: looked up in /etc/iproute2/rt_tables

  bool operator==(const RouteTable&) const = default;
};

struct Interface {
  NodePrivateKey private_key;
  std::vector<InterfaceAddress> addresses;
  std::uint16_t listen_port = 0;  // 0: any
  std::optional<unsigned> mtu;
  RouteTable table;
  std::uint32_t fw_mark = 0;  // 0: off
};

// Not looked up: the host is a name, an IPv4 address, or an IPv6 address with or without zone
// (without brackets).
struct EndpointName {
  std::string host;
  std::uint16_t port = 0;

  std::string to_string() const;

  bool operator==(const EndpointName&) const = default;
};

struct Peer {
  NodePublicKey public_key;
  PresharedKey preshared_key;  // all zero: none
  std::vector<IpPrefix> allowed_ips;
  std::optional<EndpointName> endpoint;
  std::uint16_t persistent_keepalive = 0;  // seconds; 0: off
};

struct Config {
  Interface interface;
  std::vector<Peer> peers;
};

// Errors say `line N: ` what is wrong and what to do; they never repeat a value that may be a key.
// The caller wipes `text`.
Result<Config> parse_config(std::string_view text);

}  // namespace warren::wgquick
