#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/tagged.h"
#include "crypto/keys.h"

// Where relays are (spec: paths section 2.8).
namespace warren::relay {

// 1 to 65535; 0: none (spec: paths section 0.2).
using RegionId = TaggedNumber<struct RegionIdTag, std::uint16_t>;

inline constexpr RegionId kNoRegion{};

// The way to a peer through a relay.
struct Route {
  RegionId region;
  NodePublicKey peer;

  bool operator==(const Route&) const = default;
};

// How a client knows a relay for the right one.
enum class CertificateCheck : std::uint8_t {
  Chain,   // a chain of trust to the system's roots, for host_name or cert_name
  Pinned,  // the SHA-256 of its only certificate ("sha256-raw:<hex>")
  None,    // tests only
};

struct Node {
  std::string name;       // unique in the map
  std::string host_name;  // for SNI, and for DNS where an address is empty
  std::string cert_name;  // as the map has it; empty: host_name. See certificate_check()
  std::string ipv4;       // an address; empty: ask DNS; anything else: none of this family
  std::string ipv6;
  std::uint16_t relay_port = 443;
  std::uint16_t stun_port = 3478;  // 0: none
  bool stun_only = false;
  bool can_port_80 = false;
  bool insecure_for_tests = false;

  bool operator==(const Node&) const = default;
};

// Pinned beats insecure_for_tests.
CertificateCheck certificate_check(const Node& node);

// What a pinned node's certificate hashes to. None when cert_name is malformed: then none matches.
std::optional<std::array<std::uint8_t, 32>> pinned_certificate(const Node& node);

struct Region {
  RegionId id;
  std::string code;
  std::string name;
  std::vector<Node> nodes;  // in order of priority
  bool no_measure_no_home = false;
  double score = 1;  // multiplies its latency when a home is chosen; > 0

  bool operator==(const Region&) const = default;
};

struct Map {
  std::vector<Region> regions;  // by id, ascending

  const Region* find(RegionId id) const;

  bool operator==(const Map&) const = default;
};

}  // namespace warren::relay
