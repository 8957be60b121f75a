#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "path/engine.h"
#include "relay/client/engine.h"
#include "sim/host.h"
#include "sim/machine.h"
#include "sim/wg_stack.h"

namespace warren::sim {

// A node of the overlay as a program on a machine: WireGuard and relay client, the real engines,
// with nothing between them but what a node's shell does. How it finds its paths is for the kinds
// of nodes that derive from it. Destroying it is kill -9.
class OverlayNode : public Host, public WgStack {
 public:
  struct Config {
    std::string name;
    NodePrivateKey node_key;
    DiscoPrivateKey disco_key;
    IpAddress address;  // inside the overlay
    std::uint16_t port = 41641;
  };

  ~OverlayNode() override;

  // --- what coordination tells it
  void set_relay_map(std::shared_ptr<const relay::Map> map);
  wg::PeerId add_peer(const path::PeerConfig& peer, const IpAddress& address);
  // Adds it, or changes what is known of it: `prefixes` are all it has.
  wg::PeerId set_peer(const path::PeerConfig& peer, const std::vector<IpPrefix>& prefixes);
  void remove_peer(const NodePublicKey& key);

  // The machine slept until now.
  void wake_up();

  // Packets to the peer take a direct path, which is proven, and no other.
  virtual bool is_direct(wg::PeerId peer) const = 0;
  // Sizes of all tables of paths.
  virtual std::size_t table_entries() const = 0;

 protected:
  OverlayNode(Machine& machine, const Config& config, std::uint64_t seed);

  // Last thing of a constructor: from here the machine's network is heard of.
  void start();

  // --- what happened
  virtual void on_relay_map(const std::shared_ptr<const relay::Map>& map) = 0;
  virtual void on_peer(wg::PeerId id, const path::PeerConfig& peer) = 0;

  virtual void on_peer_removed(wg::PeerId /*id*/) {}

  virtual void on_network(const path::LocalNetwork& network) = 0;
  virtual void on_wakeup() = 0;
  virtual void on_relay_up(relay::RegionId region) = 0;
  virtual void on_relay_down(relay::RegionId region) = 0;
  virtual void on_peer_gone(const relay::Route& peer) = 0;
  virtual void on_relayed(const relay::Route& from, ByteView datagram) = 0;

  // Something happened to relays: whatever the node owes after that.
  virtual void finish_paths() = 0;

  // --- what to do
  bool send_by_udp(const UdpPath& to, ByteView datagram);  // false: the kernel would not
  void send_by_relay(const relay::Route& to, ByteView datagram);
  // A WireGuard datagram that a relay brought.
  void receive_relayed(const relay::Route& from, ByteView datagram);
  void set_home(relay::RegionId region);
  void check_relay(relay::RegionId region);
  std::optional<Duration> measure_relay(relay::RegionId region) const;  // none: not reachable

  // Who sent the WireGuard datagram that is being handled; none: it came by UDP.
  const std::optional<relay::Route>& relayed_from() const { return relayed_from_; }

  bool is_traced() const override { return machine_.internet().is_traced(); }

  void note(std::string_view what) override { machine_.internet().note(name_, what); }

  TimePoint now() const { return time().now(); }

  const NodePublicKey& node_key() const { return node_key_; }

  // For what waits in the queue of events: expired when the node is gone.
  std::weak_ptr<bool> life() const { return alive_; }

 private:
  struct RelayStream;

  void on_network_change();
  void read_relay(relay::RegionId region, ByteView bytes);
  void finish_relays();
  void perform(const relay::client::Action& action);
  void connect(const relay::client::Connect& action);

  Machine& machine_;
  const std::string name_;
  const NodePublicKey node_key_;
  const std::uint16_t port_;
  std::uint64_t watcher_ = 0;
  relay::client::Engine relays_;
  relay::client::Actions relay_actions_;
  bool performs_relays_ = false;
  TimePoint relays_wake_ = kNever;
  std::map<relay::RegionId, std::unique_ptr<RelayStream>> streams_;
  std::optional<relay::Route> relayed_from_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace warren::sim
