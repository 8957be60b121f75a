#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/udp_path.h"
#include "crypto/keys.h"
#include "path/report.h"
#include "proto/relay/region.h"
#include "wg/data_peer.h"
#include "wg/peer_path.h"

// What the path engine asks of its caller. Values, so a test compares a list with a list.
namespace warren::path {

using wg::PeerId;

// From the socket that also carries WireGuard.
struct SendUdp {
  UdpPath to;
  std::vector<std::uint8_t> datagram;

  bool operator==(const SendUdp&) const = default;
};

// A connection to the region is made if there is none.
struct SendRelay {
  relay::Route to;
  std::vector<std::uint8_t> datagram;

  bool operator==(const SendRelay&) const = default;
};

// The peer's packets go this way from now on.
struct SetPath {
  PeerId peer;
  wg::PeerPath path;

  bool operator==(const SetPath&) const = default;
};

// The peer's process is another: wg::Engine::on_peer_restarted.
struct ForgetSession {
  PeerId peer;

  bool operator==(const ForgetSession&) const = default;
};

// Our home relay: stay connected to it, tell it and the coordination server.
struct SetHome {
  relay::RegionId region;

  bool operator==(const SetHome&) const = default;
};

// The connection to the region is in doubt: see whether it lives, and make a new one if not.
struct CheckRelay {
  relay::RegionId region;

  bool operator==(const CheckRelay&) const = default;
};

// Nothing answers over UDP: measure the region by HTTPS, and say so with on_relay_measured.
struct MeasureRelay {
  relay::RegionId region;

  bool operator==(const MeasureRelay&) const = default;
};

// What peers may reach us under, best first: for the coordination server.
struct EndpointsChanged {
  std::vector<Endpoint> endpoints;

  bool operator==(const EndpointsChanged&) const = default;
};

// A network report is complete.
struct ReportReady {
  Report report;

  bool operator==(const ReportReady&) const = default;
};

// What a ping that somebody asked for found out.
struct PingAnswer {
  Duration latency{};
  std::optional<Endpoint> endpoint;  // where the peer answered directly; none: through a relay
  relay::RegionId region;            // which; none when it answered directly

  bool operator==(const PingAnswer&) const = default;
};

// Answers Engine::ping, once.
struct PingAnswered {
  std::uint64_t token = 0;
  PingAnswer answer;

  bool operator==(const PingAnswered&) const = default;
};

using Action = std::variant<SendUdp,
                            SendRelay,
                            SetPath,
                            ForgetSession,
                            SetHome,
                            CheckRelay,
                            MeasureRelay,
                            EndpointsChanged,
                            ReportReady,
                            PingAnswered>;
using Actions = std::vector<Action>;

}  // namespace warren::path
