#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "node/core/network_map.h"
#include "node/core/plan.h"
#include "node/core/prefs.h"
#include "node/core/status_report.h"
#include "node/device_endpoints.h"
#include "node/os/host_network.h"
#include "node/os/rule_guard.h"
#include "node/relay_names.h"
#include "relay/client/client.h"
#include "tunnel/tunnel.h"

namespace warren::node {

struct OverlayOptions {
  std::string device = "warren0";
  std::uint16_t port = 41641;    // design section 5
  bool is_port_fixed = false;    // else, when it is taken, the next free one
  std::uint32_t mark = 0x80000;  // of our own packets (design section 5)
};

// The node's data plane: TUN device, tunnel, relay client, and what the host's network stack is
// told of them. It follows the network map; while it exists, packets can flow.
//
// On the control strand. Destroying it takes back what it changed on the host.
class Overlay {
 public:
  struct Observer {
    std::function<void()> introduction_changed;  // endpoints(), or report()
    std::function<void(Error)> failed;           // it is of no more use
  };

  // References outlive it.
  static Result<std::unique_ptr<Overlay>> start(const boost::asio::any_io_executor& executor,
                                                const NodePrivateKey& node_key,
                                                const DiscoPrivateKey& disco_key,
                                                const OverlayOptions& options,
                                                RelayNames& names,
                                                Random& random,
                                                const WallClock& wall_clock,
                                                Log& log,
                                                Observer observer);
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  ~Overlay();

  // After the map changed: touches what `change` names, and only where it really differs.
  void apply(const NetworkMap& map, const MapChange& change, const Prefs& prefs);
  // After preferences changed, or at the start: everything.
  void apply_all(const NetworkMap& map, const Prefs& prefs);

  // What besides our own addresses is on the device: where names are asked.
  void set_service_addresses(std::vector<IpAddress> addresses);

  // What the host's network stack knows of the overlay.
  const DevicePlan& device() const { return device_; }

  // Where stock WireGuard devices were heard last; before the first apply().
  void remember(DeviceEndpoints endpoints) { remembered_ = std::move(endpoints); }

  DeviceEndpoints device_endpoints() const;

  // After the map's relays changed, or what is known of their names.
  void apply_relays(const NetworkMap& map);

  // What is wrong, a sentence each.
  std::vector<std::string> health() const;

  const std::vector<Endpoint>& endpoints() const { return mesh().paths().endpoints(); }

  const path::Report& report() const { return mesh().paths().report(); }

  relay::RegionId home() const { return mesh().paths().home(); }

  std::uint16_t port() const { return tunnel_->listen_port(); }

  tunnel::Tunnel& tunnel() { return *tunnel_; }

  // None: the tunnel does not know this peer.
  std::optional<PeerFacts> facts(const control::Node& peer) const;
  // As tunnel::Mesh has it.
  Result<std::uint64_t> ping(const control::Node& peer, tunnel::Mesh::OnPingAnswer on_answer);

  void cancel_ping(std::uint64_t ping) { mesh().cancel_ping(ping); }

 private:
  Overlay(RelayNames& names, Log& log, Observer observer)
      : names_(names), log_(log), observer_(std::move(observer)) {}

  Result<void> open(const boost::asio::any_io_executor& executor,
                    const NodePrivateKey& node_key,
                    const DiscoPrivateKey& disco_key,
                    const OverlayOptions& options,
                    Random& random,
                    const WallClock& wall_clock);

  tunnel::Mesh& mesh() const { return *tunnel_->mesh(); }

  void observe();
  void apply_device(const NetworkMap& map, const Prefs& prefs);
  void put_on_device();
  void apply_filter(const NetworkMap& map, const Prefs& prefs);
  void remember_endpoint(wg::Engine& engine, wg::PeerId id, const NodePublicKey& key);
  void set_first_endpoint(wg::Engine& engine, wg::PeerId id, const PeerPlan& plan) const;
  void apply_peers(const NetworkMap& map, const MapChange& change, const Prefs& prefs);

  RelayNames& names_;
  Log& log_;
  Observer observer_;
  std::unique_ptr<relay::client::Client> relay_;
  std::unique_ptr<tunnel::Tunnel> tunnel_;
  std::unique_ptr<HostNetwork> host_;
  std::unique_ptr<RuleGuard> guard_;

  // What is in force.
  DevicePlan device_;  // as planned, without the service addresses
  std::vector<IpAddress> service_addresses_;
  std::optional<DevicePlan> on_device_;
  std::optional<FilterPlan> filter_;
  std::shared_ptr<const relay::Map> relays_;
  std::unordered_map<NodePublicKey, PeerPlan> peers_;
  std::string device_problem_;
  DeviceEndpoints remembered_;
};

}  // namespace warren::node
