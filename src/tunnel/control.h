#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "io/udp_sender.h"
#include "tunnel/link.h"
#include "tunnel/paths.h"
#include "tunnel/tunnel.h"
#include "wg/engine.h"

namespace warren::tunnel {

// The slow path (spec: data-plane section 5.6): owns the WireGuard engine, feeds it what the worker
// reports, performs what it asks for, publishes what it decides, and frees what it has let go. It
// waits for nothing: the caller brings the time and calls on_worker() when Link::to_control was
// signalled and on_timeout() at next_timeout(). Everything on the control strand.
class Control {
 public:
  // All references outlive the object. Without `mesh` it is plain WireGuard.
  static Result<std::unique_ptr<Control>> create(Random& random,
                                                 const WallClock& wall_clock,
                                                 Log& log,
                                                 std::optional<MeshOptions> mesh = std::nullopt);

  Link& link() { return link_; }

  const wg::Engine& engine() const { return engine_; }

  const Paths* paths() const { return paths_.get(); }  // null: plain WireGuard

  // Where handshakes and keepalives go out; the worker sends on the same sockets.
  void set_ports(io::UdpPorts ports);
  void set_mtu(unsigned mtu);
  // `merge`: the super-packets that the device accepts of us.
  void set_local_addresses(std::vector<IpAddress> addresses, Coalescer::Switches merge);

  void set_filter(std::shared_ptr<const policy::Filter> filter);
  void set_forwarding(bool on);

  void observe(Tunnel::Observer observer) { observer_ = std::move(observer); }

  void configure(const Tunnel::Change& change, TimePoint now);
  // An event or a change for the paths; not in plain WireGuard.
  void tell_paths(const std::function<void(Paths& paths)>& news, TimePoint now);
  void on_relayed(const relay::Route& from, ByteView datagram, TimePoint now);
  // Packets leave by other interfaces now.
  void on_network_change();
  void on_worker(TimePoint now);
  void on_timeout(TimePoint now);
  TimePoint next_timeout(TimePoint now) const;  // kNever when nothing is due

 private:
  Control(Random& random,
          const WallClock& wall_clock,
          Log& log,
          std::optional<MeshOptions> mesh,
          io::EventFd to_control,
          io::EventFd to_worker);

  void on_event(const Confirmed& event, TimePoint now);
  void on_event(const RekeyWanted& event, TimePoint now);
  void on_event(const SendWanted& event, TimePoint now);
  void on_event(const Roamed& event, TimePoint now);
  void on_event(const NothingStaged& event, TimePoint now);
  void on_event(const DeviceFailed& event, TimePoint now) const;
  void on_event(const UnknownIndex& event, TimePoint now);
  void drain_activity(TimePoint now);

  // Performs what the engine asked for and hands on what it unlinked. Ends every entry point.
  void finish(TimePoint now);
  void perform(const wg::SendMessage& action, TimePoint now);
  void perform(const wg::SendKeepalive& action, TimePoint now);
  void perform(const wg::FlushStaged& action, TimePoint now);
  void perform(const wg::DropStaged& action, TimePoint now);
  void perform(const wg::HandshakeCompleted& action, TimePoint now);
  void perform(const wg::HandshakeGivenUp& action, TimePoint now);
  int send_datagram(ByteView datagram, const UdpPath& path, TimePoint now);  // 0 or the errno
  void command(const WorkerCommand& command);
  void publish_topology();

  Random& random_;
  Log& log_;
  wg::Engine engine_;
  wg::Actions actions_;
  std::unique_ptr<Paths> paths_;  // null: plain WireGuard
  Link link_;
  std::optional<io::UdpSender> sender_;
  unsigned mtu_ = 1420;
  std::vector<IpAddress> local_addresses_;
  Coalescer::Switches merge_;
  std::shared_ptr<const policy::Filter> filter_;
  bool forwarding_ = false;
  Tunnel::Observer observer_;
  TimePoint next_activity_ = kNever;
};

}  // namespace warren::tunnel
