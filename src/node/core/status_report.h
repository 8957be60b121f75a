#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "node/core/answers.h"
#include "node/core/backend_state.h"
#include "node/core/network_map.h"
#include "node/core/status.h"
#include "path/engine.h"
#include "path/report.h"

// From what the daemon knows to what it says.
namespace warren::node {

// What tunnel and path discovery know of a peer.
struct PeerFacts {
  path::PeerStatus path;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_bytes = 0;
  std::optional<WallTime> last_handshake;
  std::optional<TimePoint> last_sent;  // data; none: never
  bool in_engine = true;
};

// References outlive the call.
struct StatusInput {
  const Prefs& prefs;
  const ClientStatus& client;
  const NetworkMap& map;
  const path::Report& report;  // of our network
  // None: the tunnel does not know this peer.
  std::function<std::optional<PeerFacts>(const control::Node&)> facts;
  TimePoint now;
  WallTime wall_now;
  std::string version;
  std::vector<std::string> health;  // of the daemon's own; the map's comes behind
  bool has_tun = true;
  bool have_node_key = false;
  std::vector<Endpoint> endpoints = {};  // our own
  bool with_peers = true;
};

Status make_status(const StatusInput& input);

// One peer of it.
StatusPeer make_status_peer(const StatusInput& input, const control::Node& peer);

// Why packets to the peer do not go directly: a sentence without its full stop. Empty: they do.
std::string why_not_direct(const StatusInput& input,
                           const control::Node& peer,
                           const std::optional<PeerFacts>& facts);

// Node and user of an address or key; none: nobody's. `address`: what was asked for; if it is of a
// device that the node carries, the answer has the device's name and addresses.
std::optional<WhoIs> make_who_is(const NetworkMap& map,
                                 const control::Node* node,
                                 const std::optional<IpAddress>& address = std::nullopt);

NetcheckAnswer make_netcheck(const path::Report& report, WallTime now);

}  // namespace warren::node
