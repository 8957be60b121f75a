#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/packet_cipher.h"
#include "io/tun_device.h"
#include "io/udp_socket.h"
#include "policy/drop_log.h"
#include "policy/filter.h"
#include "tunnel/drop_reason.h"
#include "tunnel/mesh.h"
#include "wg/engine.h"

namespace warren::tunnel {

struct Options {
  CipherChoice cipher = CipherChoice::Auto;
  bool udp_gso = true;
  bool udp_gro = true;
  std::uint16_t listen_port = 0;  // 0: any
  std::uint32_t mark = 0;         // SO_MARK of outer packets; 0: none
  unsigned mtu = 1420;            // of the TUN device: bounds padding (spec: paths section 1.2)
};

// What is in force, for status and the log.
struct Facts {
  std::string_view cipher;
  io::TunOffloads tun;
  io::UdpSocket::Facts v4;
  bool has_v6 = false;
};

// An encrypted tunnel between a TUN device and a UDP port: the WireGuard engine on the control
// strand, and the worker thread that moves packets. Used by node, hub and plain WireGuard mode. It
// does not touch addresses or routes. As a mesh it also finds the paths to its peers, direct or
// through relays; then endpoints are not set and peers do not roam, except those that speak plain
// WireGuard.
//
// Everything here is called on the control strand (the executor given at start).
class Tunnel {
 public:
  // Binds both families on one port and starts the worker. `random`, `wall_clock` and `log` outlive
  // the tunnel.
  static Result<std::unique_ptr<Tunnel>> start(const boost::asio::any_io_executor& control,
                                               std::unique_ptr<io::TunDevice> tun,
                                               const Options& options,
                                               Random& random,
                                               const WallClock& wall_clock,
                                               Log& log,
                                               std::optional<MeshOptions> mesh = std::nullopt);
  virtual ~Tunnel() = default;  // stops the worker, then wipes all keys

  // Runs a change of the engine's configuration, then publishes what came of it and performs the
  // actions. Changes made in one call reach the worker together.
  using Change = std::function<void(wg::Engine& engine, TimePoint now, wg::Actions& out)>;
  virtual void configure(const Change& change) = 0;
  virtual const wg::Engine& engine() const = 0;

  virtual Mesh* mesh() { return nullptr; }  // null: plain WireGuard

  virtual std::uint16_t listen_port() const = 0;
  virtual std::uint32_t mark() const = 0;
  // Binds anew when it differs; sessions go on. On failure the old port stays.
  virtual Result<void> set_listen_port(std::uint16_t port) = 0;
  virtual Result<void> set_mark(std::uint32_t mark) = 0;
  virtual void set_mtu(unsigned mtu) = 0;
  // The device's own addresses: UDP is merged only when it ends here (spec: data-plane
  // section 2.5).
  virtual void set_local_addresses(std::vector<IpAddress> addresses) = 0;

  // Which packets peers may send us; null, as at the start: all that their allowed IPs cover. Flows
  // go on through a change as policy::PacketFilter says.
  virtual void set_filter(std::shared_ptr<const policy::Filter> filter) = 0;

  // Carries packets of one peer to another where at least one of the two speaks plain WireGuard
  // (wg::PathMode::Roaming), as a hub does; off at the start. Such packets never reach the device.
  // Mesh nodes have ways of their own, so between two of them nothing is carried. The filter is
  // asked about packets to peers that speak plain WireGuard, which have none; their destinations
  // are routes of ours.
  virtual void set_forwarding(bool on) = 0;

  // What the filter dropped lately, the latest first; DropRecord::peer is a wg::PeerId's value.
  virtual std::vector<policy::DropRecord> filter_drops() const = 0;

  virtual Facts facts() const = 0;
  virtual CounterSnapshot counters() const = 0;  // since the start

  // Called on the control strand.
  struct Observer {
    std::function<void(wg::PeerId)>
        handshake_given_up;             // a name may resolve to something else by now
    std::function<void(Error)> failed;  // the device is gone; the tunnel is of no more use
  };

  virtual void observe(Observer observer) = 0;
};

}  // namespace warren::tunnel
