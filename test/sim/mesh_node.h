#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "path/engine.h"
#include "relay/client/engine.h"
#include "sim/host.h"
#include "sim/machine.h"
#include "sim/wg_stack.h"

namespace warren::sim {

// A node of the mesh as a program on a machine: WireGuard, path discovery and relay client, all
// three the real engines, with nothing between them but what a node's shell does. It begins when it
// is made; destroying it is kill -9.
class MeshNode final : public Host, public WgStack {
 public:
  struct Config {
    std::string name;
    NodePrivateKey node_key;
    DiscoPrivateKey disco_key;
    IpAddress address;  // inside the overlay
    std::uint16_t port = 41641;
  };

  MeshNode(Machine& machine, Config config, std::uint64_t seed);
  ~MeshNode() override;

  // What coordination will tell it one day.
  void set_relay_map(std::shared_ptr<const relay::Map> map);
  wg::PeerId add_peer(const path::PeerConfig& peer, const IpAddress& address);

  const path::Engine& paths() const { return paths_; }

  const relay::client::Engine& relays() const { return relays_; }

  const NodePublicKey& node_key() const { return node_key_; }

  const IpAddress& address() const { return address_; }

  // The machine slept until now.
  void wake_up();

  void on_datagram(ByteView datagram, const UdpPath& from) override;

 private:
  struct RelayStream;

  // --- WgStack
  void send_message(const wg::SendMessage& message) override;
  void send_data(const wg::DataPeer& peer, const wg::PeerPath& path, ByteView datagram) override;
  void on_session(wg::PeerId peer) override;
  std::optional<wg::PeerId> sender(const UdpPath& from) const override;
  void on_activity(const wg::DataPeer& peer) override;

  bool is_traced() const override { return machine_.internet().is_traced(); }

  void note(std::string_view what) override { machine_.internet().note(name_, what); }

  TimePoint now() { return time().now(); }

  // --- paths
  void on_network_change();
  void finish_paths();
  void perform(const path::Action& action);

  // --- relays
  void send_by_relay(const relay::Route& to, ByteView datagram);
  void on_relayed(const relay::Route& from, ByteView datagram);
  void read_relay(relay::RegionId region, ByteView bytes);
  void finish_relays();
  void perform(const relay::client::Action& action);
  void connect(const relay::client::Connect& action);

  Machine& machine_;
  const std::string name_;
  const NodePublicKey node_key_;
  const IpAddress address_;
  const std::uint16_t port_;
  path::Engine paths_;
  path::Actions path_actions_;
  bool performs_paths_ = false;
  TimePoint paths_wake_ = kNever;
  relay::client::Engine relays_;
  relay::client::Actions relay_actions_;
  bool performs_relays_ = false;
  TimePoint relays_wake_ = kNever;
  std::map<relay::RegionId, std::unique_ptr<RelayStream>> streams_;
  std::shared_ptr<const relay::Map> map_;
  std::optional<relay::Route> answering_;  // whose WireGuard datagram is being handled
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace warren::sim
