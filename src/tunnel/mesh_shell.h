#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "io/clock.h"
#include "io/network_monitor.h"
#include "io/relay_port.h"
#include "io/sleep_detector.h"
#include "io/udp_socket_pair.h"
#include "tunnel/control.h"
#include "tunnel/mesh.h"

namespace warren::tunnel {

// Brings the slow path of a tunnel that finds its paths together with the relay client, the
// machine's network and the clock. On the control strand.
class MeshShell final : public Mesh, private io::RelayPort::Listener {
 public:
  // References and `relay` outlive the object. `done` is called after each event: timers may be
  // others. `link`: the tunnel's own interface, which is no way for its packets.
  static Result<std::unique_ptr<MeshShell>> start(const boost::asio::any_io_executor& executor,
                                                  Control& control,
                                                  io::RelayPort& relay,
                                                  const io::NetworkMonitorOptions& options,
                                                  std::function<void()> done,
                                                  Log& log);
  ~MeshShell() override;

  // The sockets were bound; before the first call nothing is probed.
  void set_sockets(const io::UdpSocketPair& sockets);
  void set_mark(std::uint32_t mark);
  // A timer fired: it may have been due for long.
  void check_sleep();

  // Mesh
  void set_relay_map(std::shared_ptr<const relay::Map> map) override;
  void set_peer(wg::PeerId peer, const path::PeerConfig& config) override;

  Result<std::uint64_t> ping(wg::PeerId peer, OnPingAnswer on_answer) override;
  void cancel_ping(std::uint64_t ping) override;

  const path::Engine& paths() const override { return control_.paths()->engine(); }

  MeshCounters counters() const override { return control_.paths()->counters(); }

  void observe(Observer observer) override;

 private:
  MeshShell(const boost::asio::any_io_executor& executor,
            Control& control,
            io::RelayPort& relay,
            io::NetworkMonitor monitor,
            std::function<void()> done,
            Log& log);

  // io::RelayPort::Listener
  void on_relay_up(relay::RegionId region) override;
  void on_relay_down(relay::RegionId region) override;
  void on_peer_gone(const relay::Route& peer) override;
  void on_relay_measured(relay::RegionId region, std::optional<Duration> latency) override;
  void on_relayed(const relay::Route& from, ByteView datagram) override;

  void tell(const std::function<void(Paths& paths, TimePoint now)>& news);
  void wait_for_news();
  void on_news();
  void read_network_after(std::chrono::milliseconds wait);
  void read_network();
  void tell_network();

  Control& control_;
  io::RelayPort& relay_;
  io::NetworkMonitor monitor_;
  std::function<void()> done_;
  Log& log_;
  io::BootTime clock_;
  io::SleepDetector sleep_;
  boost::asio::posix::stream_descriptor news_;
  boost::asio::steady_timer settle_;  // until the swarm of news has passed
  bool is_settling_ = false;
  bool was_interrupted_ = false;
  io::NetworkState network_;
  std::uint16_t port_v4_ = 0;
  std::uint16_t port_v6_ = 0;
};

}  // namespace warren::tunnel
