#include "node/overlay.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "io/clock.h"
#include "io/tun_device.h"
#include "proto/control/derp_map.h"
#include "wg/constants.h"

namespace warren::node {
namespace {

constexpr std::uint16_t kPortsToTry = 16;

// Of a stock WireGuard device: where it was heard last. There is no path without a key.
path::PeerStatus device_path(const wg::DataPeer& peer,
                             const std::optional<Endpoint>& endpoint,
                             TimePoint now) {
  path::PeerStatus out;
  if (!endpoint) return out;
  out.path.direct = UdpPath{.remote = *endpoint, .source = std::nullopt};
  const TimePoint heard = peer.activity.authenticated_received.get();
  const bool is_there = heard != wg::Stamp::kNone && now - heard < wg::kRejectAfterTime;
  if (is_there) out.state = path::PathState::Direct;
  return out;
}

}  // namespace

Result<std::unique_ptr<Overlay>> Overlay::start(const boost::asio::any_io_executor& executor,
                                                const NodePrivateKey& node_key,
                                                const DiscoPrivateKey& disco_key,
                                                const OverlayOptions& options,
                                                RelayNames& names,
                                                Random& random,
                                                const WallClock& wall_clock,
                                                Log& log,
                                                Observer observer) {
  std::unique_ptr<Overlay> out(new Overlay(names, log, std::move(observer)));
  WARREN_TRY_VOID(out->open(executor, node_key, disco_key, options, random, wall_clock));
  out->observe();
  return out;
}

// The host's network is put back before the device goes.
Overlay::~Overlay() {
  guard_.reset();
  if (!host_) return;
  if (const auto done = host_->clean_up(); !done) {
    log_.error("node: routes or rules are left, `warrend --cleanup` tries again: {}",
               done.error().detail);
  }
}

Result<void> Overlay::open(const boost::asio::any_io_executor& executor,
                           const NodePrivateKey& node_key,
                           const DiscoPrivateKey& disco_key,
                           const OverlayOptions& options,
                           Random& random,
                           const WallClock& wall_clock) {
  relay::client::Options relay_options;
  relay_options.mark = options.mark;
  relay_options.on_failure = [this](relay::RegionId region, const Error& error) {
    log_.warn("node: relay not reached region={} why=\"{}\"", region.value, error.detail);
    names_.ask_again();
  };
  WARREN_TRY(relay_, relay::client::Client::start(executor, node_key.clone(),
                                                  std::move(relay_options), random, log_));
  // A port that is taken makes us try the next; after some of them, any.
  for (std::uint16_t tried = 0;; ++tried) {
    WARREN_TRY(auto tun, io::TunDevice::open(options.device));
    const unsigned link = tun->index();
    tunnel::Options tunnel_options;
    tunnel_options.mtu = kOverlayMtu;
    tunnel_options.mark = options.mark;
    tunnel_options.listen_port =
        tried < kPortsToTry ? static_cast<std::uint16_t>(options.port + tried) : std::uint16_t{0};
    tunnel::MeshOptions mesh{.disco_key = disco_key.clone(), .relay = relay_.get()};
    auto tunnel = tunnel::Tunnel::start(executor, std::move(tun), tunnel_options, random,
                                        wall_clock, log_, std::move(mesh));
    if (tunnel) {
      tunnel_ = std::move(*tunnel);
      WARREN_TRY(host_, HostNetwork::open(link, log_));
      WARREN_TRY(guard_, RuleGuard::start(executor, *host_, log_));
      break;
    }
    if (tunnel.error().code != Errc::AlreadyExists || options.is_port_fixed ||
        tried == kPortsToTry) {
      return unexpected(std::move(tunnel).error());
    }
  }
  // Nothing is let in before the server said what may.
  WARREN_TRY(auto closed, policy::Filter::create({}));
  tunnel_->set_filter(std::move(closed));
  tunnel_->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.set_private_key(node_key.clone(), now, out);
  });
  return {};
}

void Overlay::observe() {
  tunnel_->observe({.handshake_given_up = {},
                    .failed = [this](Error error) { observer_.failed(std::move(error)); }});
  tunnel::Mesh::Observer observer;
  observer.endpoints_changed = [this](const std::vector<Endpoint>&) {
    observer_.introduction_changed();
  };
  observer.home_changed = [this](relay::RegionId) { observer_.introduction_changed(); };
  observer.report_ready = [this](const path::Report&) { observer_.introduction_changed(); };
  mesh().observe(std::move(observer));
}

void Overlay::apply(const NetworkMap& map, const MapChange& change, const Prefs& prefs) {
  // Whether there may be packets at all, and by which name, hangs on the self node.
  if (change.is_first || change.self) return apply_all(map, prefs);
  if (change.relays) apply_relays(map);
  // Who may send what is settled before anybody new may send.
  if (change.filter) apply_filter(map, prefs);
  apply_peers(map, change, prefs);
  if (change.device) apply_device(map, prefs);
}

void Overlay::apply_all(const NetworkMap& map, const Prefs& prefs) {
  apply_relays(map);
  apply_filter(map, prefs);
  MapChange everyone;
  std::set<NodePublicKey> keys;
  for (const auto& [id, peer] : map.peers()) {
    everyone.peers.push_back(id);
    keys.insert(peer.key);
  }
  for (const auto& [key, plan] : peers_) {
    if (!keys.contains(key)) everyone.removed_keys.push_back(key);
  }
  apply_peers(map, everyone, prefs);
  apply_device(map, prefs);
}

void Overlay::apply_relays(const NetworkMap& map) {
  auto relays = std::make_shared<relay::Map>(control::to_relay_map(map.relay_map()));
  if (!names_.fill(*relays) || (relays_ != nullptr && *relays_ == *relays)) return;
  relays_ = std::move(relays);
  mesh().set_relay_map(relays_);
}

void Overlay::apply_filter(const NetworkMap& map, const Prefs& prefs) {
  FilterPlan plan = plan_filter(map, prefs);
  if (filter_ && *filter_ == plan) return;
  auto filter = policy::Filter::create(plan.config);
  if (!filter) {
    plan.problem = filter.error().detail;
    filter = policy::Filter::create({});
  }
  if (!plan.problem.empty()) {
    log_.error("node: the server's packet filter cannot be used, so nothing is let in: {}",
               plan.problem);
  }
  // Never with the routes of a hub and without forwarding: packets for others would come in.
  if (plan.is_hub) tunnel_->set_forwarding(true);
  if (filter) tunnel_->set_filter(std::move(*filter));
  if (!plan.is_hub) tunnel_->set_forwarding(false);
  filter_ = std::move(plan);
}

void Overlay::apply_peers(const NetworkMap& map, const MapChange& change, const Prefs& prefs) {
  std::vector<std::pair<PeerPlan, bool>> changed;  // with whether the path is another
  std::vector<NodePublicKey> gone;
  for (const NodePublicKey& key : change.removed_keys) {
    if (peers_.erase(key) != 0) gone.push_back(key);
  }
  for (const control::NodeId id : change.peers) {
    const control::Node* const peer = map.find(id);
    if (peer == nullptr) continue;
    auto plan = plan_peer(map, *peer, prefs);
    const auto known = peers_.find(peer->key);
    if (!plan) {
      // Unless somebody else has this key now.
      if (known != peers_.end() && map.has_key(*peer)) {
        gone.push_back(peer->key);
        peers_.erase(known);
      }
      continue;
    }
    if (known != peers_.end() && known->second == *plan) continue;
    const bool is_path_new = known == peers_.end() || known->second.path != plan->path ||
                             known->second.is_wireguard_only != plan->is_wireguard_only;
    peers_.insert_or_assign(plan->key, *plan);
    changed.emplace_back(std::move(*plan), is_path_new);
  }
  if (changed.empty() && gone.empty()) return;
  tunnel_->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    for (const NodePublicKey& key : gone) {
      const auto id = engine.find_peer(key);
      if (!id) continue;
      remember_endpoint(engine, *id, key);
      engine.remove_peer(*id, now, out);
    }
    for (const auto& [plan, is_path_new] : changed) {
      auto id = engine.find_peer(plan.key);
      if (id && engine.data_peer(*id).roams() != plan.is_wireguard_only) {
        engine.remove_peer(*id, now, out);
        id.reset();
      }
      if (!id) {
        const auto added = engine.add_peer(
            plan.key, plan.is_wireguard_only ? wg::PathMode::Roaming : wg::PathMode::Managed);
        if (!added) {
          log_.warn("node: peer {} left out: {}", plan.key.short_text(), added.error().detail);
          continue;
        }
        id = *added;
      }
      engine.clear_allowed_ips(*id);
      for (const IpPrefix& prefix : plan.allowed_ips) engine.add_allowed_ip(*id, prefix);
      // Afterwards it is where it was heard last.
      if (plan.is_wireguard_only && is_path_new) set_first_endpoint(engine, *id, plan);
    }
  });
  for (const auto& [plan, is_path_new] : changed) {
    if (!is_path_new || plan.is_wireguard_only) continue;
    if (const auto id = tunnel_->engine().find_peer(plan.key)) mesh().set_peer(*id, plan.path);
  }
}

void Overlay::set_first_endpoint(wg::Engine& engine, wg::PeerId id, const PeerPlan& plan) const {
  const auto heard = remembered_.find(plan.key);
  if (heard != remembered_.end()) {
    engine.set_endpoint(id, heard->second);
  } else if (!plan.path.endpoints.empty()) {
    engine.set_endpoint(id, plan.path.endpoints.front());
  }
}

// A device that was disabled may be let in again, and does not notice either while it only waits.
void Overlay::remember_endpoint(wg::Engine& engine, wg::PeerId id, const NodePublicKey& key) {
  const auto endpoint = engine.status(id).endpoint;
  if (!engine.data_peer(id).roams() || !endpoint) return;
  if (remembered_.size() >= kMaxMapPeers) remembered_.clear();
  remembered_.insert_or_assign(key, *endpoint);
}

DeviceEndpoints Overlay::device_endpoints() const {
  DeviceEndpoints out;
  for (const auto& [key, plan] : peers_) {
    if (!plan.is_wireguard_only) continue;
    const auto id = tunnel_->engine().find_peer(key);
    const auto endpoint = id ? tunnel_->engine().status(*id).endpoint : std::nullopt;
    if (endpoint) out.emplace(key, *endpoint);
  }
  return out;
}

void Overlay::apply_device(const NetworkMap& map, const Prefs& prefs) {
  device_ = plan_device(map, prefs);
  put_on_device();
}

void Overlay::set_service_addresses(std::vector<IpAddress> addresses) {
  if (service_addresses_ == addresses) return;
  service_addresses_ = std::move(addresses);
  put_on_device();
}

void Overlay::put_on_device() {
  DevicePlan plan = device_;
  for (const IpAddress& address : service_addresses_) {
    plan.addresses.emplace_back(address, address.bit_length());
  }
  if (on_device_ && *on_device_ == plan && device_problem_.empty()) return;
  std::vector<IpAddress> addresses;
  for (const IpPrefix& prefix : plan.addresses) addresses.push_back(prefix.address());
  tunnel_->set_local_addresses(std::move(addresses));
  const auto applied = host_->apply(plan);
  device_problem_ = applied ? std::string() : applied.error().detail;
  if (!applied) log_.error("node: set up the device: {}", device_problem_);
  on_device_ = std::move(plan);
}

std::vector<std::string> Overlay::health() const {
  std::vector<std::string> out;
  if (!device_problem_.empty()) out.push_back("The device is not set up: " + device_problem_);
  if (filter_ && !filter_->problem.empty()) {
    out.push_back("The packet filter cannot be used, so nothing is let in: " + filter_->problem);
  }
  return out;
}

std::optional<PeerFacts> Overlay::facts(const control::Node& peer) const {
  const auto id = tunnel_->engine().find_peer(peer.key);
  if (!id) return std::nullopt;
  const wg::PeerStatus status = tunnel_->engine().status(*id);
  PeerFacts out;
  const wg::DataPeer& data = tunnel_->engine().data_peer(*id);
  if (data.roams()) {
    out.path = device_path(data, status.endpoint, io::boot_now());
  } else {
    out.path = mesh().paths().status(*id);
  }
  out.rx_bytes = status.bytes_received;
  out.tx_bytes = status.bytes_sent;
  out.last_handshake = status.last_handshake;
  const TimePoint sent = data.activity.data_sent.get();
  if (sent != wg::Stamp::kNone) out.last_sent = sent;
  return out;
}

Result<std::uint64_t> Overlay::ping(const control::Node& peer,
                                    tunnel::Mesh::OnPingAnswer on_answer) {
  const auto id = tunnel_->engine().find_peer(peer.key);
  if (!id) return fail(Errc::NotFound, "there is no tunnel to this machine");
  return mesh().ping(*id, std::move(on_answer));
}

}  // namespace warren::node
