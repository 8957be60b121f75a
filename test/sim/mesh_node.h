#pragma once

#include <functional>

#include "sim/overlay_node.h"

namespace warren::sim {

// Our node: its paths are found by the real engine. It begins when it is made.
class MeshNode final : public OverlayNode {
 public:
  MeshNode(Machine& machine, Config config, std::uint64_t seed);

  bool is_direct(wg::PeerId peer) const override {
    return paths_.status(peer).state == path::PathState::Direct;
  }

  std::size_t table_entries() const override { return paths_.table_entries(); }

  const path::Engine& paths() const { return paths_; }

  // Called when endpoints, home relay or network report are others: what is told to coordination.
  void set_on_news(std::function<void()> on_news) { on_news_ = std::move(on_news); }

  void on_datagram(ByteView datagram, const UdpPath& from) override;

 private:
  // --- WgStack
  void send_message(const wg::SendMessage& message) override;
  void send_data(const wg::DataPeer& peer, const wg::PeerPath& path, ByteView datagram) override;
  void on_session(wg::PeerId peer) override;
  std::optional<wg::PeerId> sender(const UdpPath& from) const override;
  void on_activity(const wg::DataPeer& peer) override;

  // --- OverlayNode
  void on_relay_map(const std::shared_ptr<const relay::Map>& map) override;
  void on_peer(wg::PeerId id, const path::PeerConfig& peer) override;

  void on_peer_removed(wg::PeerId id) override { paths_.remove_peer(id); }

  void on_network(const path::LocalNetwork& network) override;
  void on_wakeup() override;
  void on_relay_up(relay::RegionId region) override;
  void on_relay_down(relay::RegionId region) override;
  void on_peer_gone(const relay::Route& peer) override;
  void on_relayed(const relay::Route& from, ByteView datagram) override;

  void finish_paths() override;
  void perform(const path::Action& action);

  path::Engine paths_;
  path::Actions actions_;
  std::function<void()> on_news_;
  bool performs_ = false;
  TimePoint wake_ = kNever;
};

}  // namespace warren::sim
