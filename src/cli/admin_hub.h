#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json_wire.h"
#include "base/time.h"

namespace warren::cli {

struct HubPeer {
  std::string name;
  bool is_device = false;  // a stock WireGuard device
  std::vector<std::string> addresses;
  bool is_online = false;
  std::string endpoint;  // where it was heard last
  std::optional<WallTime> last_handshake;
  std::int64_t rx_bytes = 0;
  std::int64_t tx_bytes = 0;
};

// GET /api/warren/v1/hub, also part of status.
struct ServerHub {
  std::string state;    // "off", "starting", "up", "failed"; empty: of a server that has none
  std::string problem;  // a sentence
  std::string device;
  std::int64_t port = 0;
  std::string public_key;
  std::int64_t forwarded_packets = 0;
  std::int64_t forwarded_bytes = 0;
  std::vector<HubPeer> peers;
};

template <class Visitor, json::wire::Either<HubPeer> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("name", x.name);
  visit("is_device", x.is_device);
  visit("addresses", x.addresses);
  visit("online", x.is_online);
  visit("endpoint", x.endpoint);
  visit("last_handshake", x.last_handshake);
  visit("rx_bytes", x.rx_bytes);
  visit("tx_bytes", x.tx_bytes);
}

template <class Visitor, json::wire::Either<ServerHub> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("state", x.state);
  visit("problem", x.problem);
  visit("device", x.device);
  visit("port", x.port);
  visit("public_key", x.public_key);
  visit("forwarded_packets", x.forwarded_packets);
  visit("forwarded_bytes", x.forwarded_bytes);
  visit("peers", x.peers);
}

// "up: device warren0, UDP port 41641, 3 devices, 2 online".
std::string describe(const ServerHub& hub);

}  // namespace warren::cli
