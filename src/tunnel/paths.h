#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "path/engine.h"
#include "tunnel/mesh.h"
#include "tunnel/path_link.h"
#include "wg/engine.h"

namespace warren::tunnel {

// The part of the slow path that plain WireGuard does not have: feeds the path engine with what the
// worker, the WireGuard engine and the relay client say, and performs what it asks for. Peers that
// speak plain WireGuard it does not know: the WireGuard engine follows them by itself. The control
// strand owns it, brings the time, and calls perform() at the end of each of its own entry points.
class Paths {
 public:
  // 0 or the errno.
  using SendUdp = std::function<int(ByteView datagram, const UdpPath& to, TimePoint now)>;

  // All references outlive the object. `wg_actions` gets what the WireGuard engine asks for.
  Paths(wg::Engine& engine,
        wg::Actions& wg_actions,
        MeshOptions options,
        SendUdp send_udp,
        Random& random,
        Log& log);

  std::unique_ptr<PathLink> make_link() const;

  // --- configuration
  void set_relay_map(std::shared_ptr<const relay::Map> map, TimePoint now);
  void set_peer(wg::PeerId peer, const path::PeerConfig& config, TimePoint now);
  // The WireGuard engine's peers or keys may be others.
  void on_configured();

  void observe(Mesh::Observer observer) { observer_ = std::move(observer); }

  // As Mesh::ping says.
  Result<std::uint64_t> ping(wg::PeerId peer, Mesh::OnPingAnswer on_answer, TimePoint now);
  void cancel_ping(std::uint64_t ping);

  // --- the machine
  void on_network(const path::LocalNetwork& network, TimePoint now);
  void on_wakeup(TimePoint now);

  // --- the relay client
  void on_relay_up(relay::RegionId region, TimePoint now);
  void on_relay_down(relay::RegionId region, TimePoint now);
  void on_peer_gone(const relay::Route& peer, TimePoint now);
  void on_relay_measured(relay::RegionId region, std::optional<Duration> latency, TimePoint now);
  // `waiting`: handshake messages of others that wait.
  void on_relayed(const relay::Route& from, ByteView datagram, std::size_t waiting, TimePoint now);

  // --- the worker
  void on_datagrams(PathLink& link, TimePoint now);
  void on_unknown_index(const UnknownIndex& event, TimePoint now);
  void on_activity(wg::PeerId peer, TimePoint now);  // after the WireGuard engine's

  // --- the WireGuard engine
  void send(const wg::SendMessage& message, TimePoint now);
  void send_keepalive(wg::PeerId peer, ByteView datagram, const wg::PeerPath& path, TimePoint now);
  void on_session(wg::PeerId peer, TimePoint now);

  void on_timeout(TimePoint now) { engine_.on_timeout(now, actions_); }

  TimePoint next_timeout() const { return engine_.next_timeout(); }

  // Whatever the path engine asked for.
  void perform(TimePoint now);

  const path::Engine& engine() const { return engine_; }

  MeshCounters counters() const;

 private:
  bool roams(wg::PeerId peer) const;
  void perform(const path::SendUdp& action, TimePoint now) const;
  void perform(const path::SendRelay& action, TimePoint now) const;
  void perform(const path::SetPath& action, TimePoint now);
  void perform(const path::ForgetSession& action, TimePoint now) const;
  void perform(const path::SetHome& action, TimePoint now) const;
  void perform(const path::CheckRelay& action, TimePoint now) const;
  void perform(const path::MeasureRelay& action, TimePoint now) const;
  void perform(const path::EndpointsChanged& action, TimePoint now) const;
  void perform(const path::ReportReady& action, TimePoint now) const;
  void perform(const path::PingAnswered& action, TimePoint now);

  wg::Engine& wg_;
  wg::Actions& wg_actions_;
  io::RelayPort& relay_;
  DiscoPrivateKey disco_key_;
  SendUdp send_udp_;
  Log& log_;
  path::Engine engine_;
  path::Actions actions_;
  NodePublicKey node_key_;                    // as the path engine has it
  std::unordered_set<wg::PeerId> peers_;      // as the path engine has them
  std::optional<relay::Route> last_relayed_;  // who sent the last handshake message by relay
  Mesh::Observer observer_;
  std::uint64_t last_ping_ = 0;
  // Who waits for an answer: at most path::kMaxRequestedPings.
  std::unordered_map<std::uint64_t, Mesh::OnPingAnswer> pings_;
  MeshCounters counters_;  // without those of the engine
};

}  // namespace warren::tunnel
