#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <variant>

#include "base/udp_path.h"
#include "io/relay_port.h"
#include "tunnel/spsc_ring.h"

// What control strand and worker share besides, where paths are managed (wg::PathMode).
namespace warren::tunnel {

// A STUN answer or a disco frame, as it arrived.
struct PathDatagram {
  // Stock pings are padded up to 9,000 bytes only while their sender probes the path's MTU (spec:
  // paths section 5.8), and a datagram of that size would not reach us over most paths.
  static constexpr std::size_t kMaxSize = 2048;

  UdpPath from;
  std::uint32_t size = 0;
  std::array<std::uint8_t, kMaxSize> bytes{};
};

// Data came for no key of ours.
struct UnknownIndex {
  std::variant<Endpoint, relay::Route> from;
};

struct PathLink {
  // Both outlive the link.
  PathLink(io::RelayRings& relay_rings, const io::EventFd& wake_relay)
      : relay(relay_rings), to_relay(wake_relay) {}

  // Worker to control. Full: strangers' floods cost us no more than this.
  SpscRing<PathDatagram, 256> datagrams;
  io::RelayRings& relay;
  const io::EventFd& to_relay;
};

// The kernel's word that a datagram cannot go to a destination from here, now.
inline bool is_unreachable(int error) {
  switch (error) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:  // we have no socket of this family
    case EPERM:         // a firewall of this host
      return true;
    default:
      return false;
  }
}

}  // namespace warren::tunnel
