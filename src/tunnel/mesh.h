#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"
#include "io/relay_port.h"
#include "path/engine.h"
#include "proto/relay/region.h"

namespace warren::tunnel {

// For a tunnel that finds the paths to its peers itself.
struct MeshOptions {
  DiscoPrivateKey disco_key;
  io::RelayPort* relay = nullptr;  // not null; outlives the tunnel
};

struct MeshCounters {
  path::Counters path;
  // Dropped:
  std::uint64_t relayed_unknown = 0;    // the node key is no peer's
  std::uint64_t relayed_malformed = 0;  // neither disco nor a handshake message
};

// What such a tunnel offers besides. It watches the machine's network by itself. Everything on the
// control strand.
class Mesh {
 public:
  Mesh() = default;
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;
  virtual ~Mesh() = default;

  virtual void set_relay_map(std::shared_ptr<const relay::Map> map) = 0;
  // Of a peer that the WireGuard engine has. Once it is removed there, it is forgotten here. Means
  // nothing for one that speaks plain WireGuard.
  virtual void set_peer(wg::PeerId peer, const path::PeerConfig& config) = 0;

  // Pings the peer now; `on_answer` is called once with the first answer, or never: who asked waits
  // as long as it likes and then cancels the ping by the number that is returned. (path::Engine::
  // ping says which ways it goes.) NotFound: no such peer; Unsupported: it answers no pings;
  // Unavailable: too many are under way.
  using OnPingAnswer = std::function<void(const path::PingAnswer&)>;
  virtual Result<std::uint64_t> ping(wg::PeerId peer, OnPingAnswer on_answer) = 0;
  virtual void cancel_ping(std::uint64_t ping) = 0;

  virtual const path::Engine& paths() const = 0;  // for status, report, endpoints
  virtual MeshCounters counters() const = 0;

  // Called on the control strand.
  struct Observer {
    std::function<void(const std::vector<Endpoint>&)> endpoints_changed = nullptr;
    std::function<void(relay::RegionId)> home_changed = nullptr;
    std::function<void(const path::Report&)> report_ready = nullptr;
    std::function<void(wg::PeerId)> path_changed = nullptr;  // paths().status() says to what
  };

  virtual void observe(Observer observer) = 0;
};

}  // namespace warren::tunnel
