#pragma once

#include <cstdint>
#include <string_view>

namespace warren::policy {

// What becomes of a packet. All but Accept are reasons to drop it (spec: policy section 7.5).
enum class Verdict : std::uint8_t {
  Accept,
  BadHeader,        // no IP packet, or its transport header does not fit
  UnknownProtocol,  // a protocol without ports, which no rule lists
  ExtensionHeader,  // IPv6 extension headers other than one Fragment header
  Multicast,        // to a group, or to all hosts of a network
  LinkLocal,        // to a link-local address, or a message that never leaves a link
  NotLocal,         // to neither an own address nor an advertised route
  NoRule,
  NoFlow,    // an ICMP error about nothing that we sent
  Fragment,  // could overwrite the first fragment's ports
  Bogon,     // an address that no packet in the overlay has
  ShieldsUp,
  Jailed,
};

inline constexpr std::size_t kVerdictCount = 13;

std::string_view to_string(Verdict verdict);  // "no_rule"

}  // namespace warren::policy
