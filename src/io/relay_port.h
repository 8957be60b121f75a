#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"
#include "io/datagram_ring.h"
#include "io/event_fd.h"
#include "proto/relay/region.h"

namespace warren::io {

// The rings between a packet worker and the relay client's thread.
struct RelayRings {
  // data-plane section 6: 256 KiB until a rate is known; room for one burst more of the worker.
  static constexpr std::size_t kBytes = std::size_t{1} << 20;

  DatagramRing outbound{kBytes};  // worker to relay client
  DatagramRing inbound{kBytes};   // relay client to worker: WireGuard data only
};

// What a tunnel asks of the relay client. Called on the control strand.
class RelayPort {
 public:
  // Called on the control strand.
  class Listener {
   public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    virtual ~Listener() = default;

    virtual void on_relay_up(relay::RegionId region) = 0;
    virtual void on_relay_down(relay::RegionId region) = 0;
    virtual void on_peer_gone(const relay::Route& peer) = 0;
    virtual void on_relay_measured(relay::RegionId region, std::optional<Duration> latency) = 0;
    // Everything but WireGuard data: disco and handshakes.
    virtual void on_relayed(const relay::Route& from, ByteView datagram) = 0;
  };

  RelayPort() = default;
  RelayPort(const RelayPort&) = delete;
  RelayPort& operator=(const RelayPort&) = delete;
  virtual ~RelayPort() = default;

  // `listener` outlives the port or is replaced by null. `to_worker` is signalled when something is
  // in rings().inbound.
  virtual void attach(Listener* listener, const EventFd* to_worker) = 0;
  virtual void set_map(std::shared_ptr<const relay::Map> map) = 0;
  virtual void set_home(relay::RegionId region) = 0;
  // A disco or handshake message; goes before data. Dials the region when there is no connection.
  virtual void send(const relay::Route& to, ByteView datagram) = 0;
  virtual void check(relay::RegionId region) = 0;
  virtual void measure(relay::RegionId region) = 0;
  // Our addresses changed: connections from an address that is gone are made anew, the others
  // checked.
  virtual void on_network_change() = 0;

  virtual RelayRings& rings() = 0;
  // Signalled by the worker when something is in rings().outbound.
  virtual const EventFd& to_relay() const = 0;
};

}  // namespace warren::io
