#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "crypto/box.h"
#include "proto/disco/messages.h"
#include "proto/stun/binding.h"
#include "sim/overlay_node.h"

namespace warren::sim {

// A stock client, as spec: paths section 5 tells of it, as far as one peer and one relay need it:
// slower than ours, and with nothing of ours that stock has not. It pings only while it sends,
// never back, no candidate twice in five seconds; calls the peer only in a round that pinged; knows
// its path as good for 6.5 s after a pong, then sends both ways; and repeats no handshake before
// WireGuard does. Left out are peer relays, path MTU, and what its map would tell it besides.
class StockNode final : public OverlayNode {
 public:
  StockNode(Machine& machine, Config config, std::uint64_t seed);

  bool is_direct(wg::PeerId peer) const override;
  std::size_t table_entries() const override;

  void on_datagram(ByteView datagram, const UdpPath& from) override;

 private:
  enum class Call : bool { No, Yes };

  struct Candidate {
    bool is_configured = false;
    bool is_called = false;
    TimePoint last_heard = TimePoint::min();  // a ping from there
    TimePoint last_ping = TimePoint::min();   // ours
  };

  struct SentPing {
    Endpoint to;
    TimePoint at;
  };

  // --- WgStack
  void send_message(const wg::SendMessage& message) override;
  void send_data(const wg::DataPeer& peer, const wg::PeerPath& path, ByteView datagram) override;

  // --- OverlayNode
  void on_relay_map(const std::shared_ptr<const relay::Map>& map) override;
  void on_peer(wg::PeerId id, const path::PeerConfig& peer) override;
  void on_network(const path::LocalNetwork& network) override;

  void on_wakeup() override {}

  void on_relay_up(relay::RegionId /*region*/) override {}

  void on_relay_down(relay::RegionId region) override;

  void on_peer_gone(const relay::Route& /*peer*/) override {}

  void on_relayed(const relay::Route& from, ByteView datagram) override;

  void finish_paths() override {}

  // --- the peer's path
  void send(ByteView datagram);
  void on_heartbeat();
  void ping_all(Call call);
  void ping(const Endpoint& to);
  void on_ping_timeout(const disco::TransactionId& transaction);
  void call();

  bool is_trusted(TimePoint at) const { return best_ && at <= trusted_until_; }

  bool is_active() const;  // something was sent lately

  void prune();

  relay::Route route() const { return {.region = region_, .peer = peer_.node_key}; }

  // --- disco
  std::optional<disco::Message> open(ByteView datagram, std::vector<std::uint8_t>& plaintext);
  std::vector<std::uint8_t> seal(ByteView payload);
  void on_ping(const disco::Ping& ping, const Endpoint& from);
  void on_pong(const disco::Pong& pong);
  void on_call(const disco::CallMeMaybe& call);

  // --- its own endpoints
  void ask_stun();
  void send_stun(std::uint64_t round);
  void finish_stun();
  std::vector<Endpoint> endpoints() const;

  // Unless the node is gone by then.
  void after(Duration delay, std::function<void()> event);

  const DiscoPrivateKey disco_private_;
  const std::uint16_t port_;
  path::LocalNetwork network_;
  relay::RegionId region_;
  std::vector<Endpoint> stun_servers_;  // one a family

  path::PeerConfig peer_;
  std::optional<wg::PeerId> peer_id_;
  std::optional<BoxKey> box_;
  std::map<Endpoint, Candidate> candidates_;
  std::map<disco::TransactionId, SentPing> pings_;  // unanswered, for five seconds
  std::optional<Endpoint> best_;
  Duration latency_{};
  TimePoint trusted_until_ = TimePoint::min();
  TimePoint last_full_ping_ = TimePoint::min();
  TimePoint last_sent_ = TimePoint::min();
  bool beats_ = false;

  std::vector<Endpoint> observed_;
  TimePoint observed_at_ = TimePoint::min();
  std::uint64_t stun_round_ = 0;                 // odd: one runs
  std::set<stun::TransactionId> stun_requests_;  // its
  std::vector<Endpoint> answers_;
  bool asks_stun_again_ = false;
  bool calls_after_stun_ = false;
};

}  // namespace warren::sim
