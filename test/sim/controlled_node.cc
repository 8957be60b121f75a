#include "sim/controlled_node.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "proto/control/derp_map.h"

namespace warren::sim {

using node::ClientAction;
using node::ClientActions;

namespace {

constexpr Duration kDialLimit = 10s;         // as node/control_dial.h
constexpr Duration kSettle = 50ms;           // as node/daemon.cc
constexpr Duration kLongestExpiryLook = 1h;  // as node/daemon.cc
constexpr std::string_view kServerUrl = "https://warren.example";

}  // namespace

ControlledNode::ControlledNode(
    Machine& machine, Config config, std::string& file, std::uint64_t seed, WgObserver& observer)
    : machine_(machine),
      config_(std::move(config)),
      file_(file),
      observer_(observer),
      random_(seed),
      wall_clock_(machine.internet().time()),
      clock_step_(config_.clock_step),
      disco_key_(DiscoPrivateKey::generate(random_)),
      client_(random_) {
  wall_clock_.step(clock_step_);
  note("starts");
  if (file_.empty()) {
    state_.machine_key = MachinePrivateKey::generate(random_);
    state_.prefs = node::default_prefs();
    state_.prefs.control_url = kServerUrl;
    save();
  } else {
    state_ = node::decode_node_state(file_).value();
  }
  watcher_ = machine_.watch([this] {
    machine_.internet().time().after(kSettle, [this, alive = std::weak_ptr(alive_)] {
      if (alive.expired()) return;
      feed([&](ClientActions& out) { client_.on_network_change(now(), out); });
    });
  });
  if (state_.prefs.want_running && !state_.prefs.logged_out) up({});
}

ControlledNode::~ControlledNode() {
  machine_.unwatch(watcher_);
  if (stream_) stream_->abort();
  overlay_.reset();
}

// --- what its user does

void ControlledNode::up(std::string auth_key, bool force) {
  note(fmt::format("up{}{}", auth_key.empty() ? "" : " with an auth key", force ? ", force" : ""));
  state_.prefs.want_running = true;
  state_.prefs.logged_out = false;
  save();
  introduce();
  feed([&](ClientActions& out) {
    client_.start(state_.node_key.clone(), std::move(auth_key), force, out);
  });
}

void ControlledNode::down() {
  note("down");
  state_.prefs.want_running = false;
  save();
  feed([&](ClientActions& out) { client_.stop(out); });
  overlay_.reset();
}

void ControlledNode::log_out() {
  note("logout");
  state_.node_key = NodePrivateKey();
  state_.prefs.logged_out = true;
  state_.prefs.want_running = false;
  save();
  overlay_.reset();
  map_ = node::NetworkMap();
  feed([&](ClientActions& out) { client_.log_out(out); });
}

// --- what happens to it

void ControlledNode::set_clock(Duration step) {
  clock_step_ += step;
  wall_clock_.step(step);
  if (overlay_) overlay_->wall_clock().step(step);
}

void ControlledNode::lose_connection() {
  if (!stream_) return;
  const std::uint32_t kFirst = 1;
  // The reset is lost with the link.
  const auto interfaces = machine_.interfaces();
  if (interfaces.empty() || !interfaces.front().is_up) return;
  note("loses its connection to the server in silence");
  machine_.set_link(kFirst, false);
  if (stream_) std::exchange(stream_, nullptr)->abort();
  is_open_ = false;
  asked_.clear();
  machine_.set_link(kFirst, true);
  feed([&](ClientActions& out) { client_.on_connection_lost("connection lost", now(), out); });
}

// --- the server

template <class Event>
void ControlledNode::feed(Event event) {
  ClientActions out;
  event(out);
  for (ClientAction& action : out) pending_.push_back(std::move(action));
  if (std::exchange(performs_, true)) return;
  while (!pending_.empty()) {
    for (ClientAction& action : std::exchange(pending_, {}))
      std::visit([this](auto& what) { this->perform(what); }, action);
  }
  performs_ = false;
  wake_later();
}

void ControlledNode::wake_later() {
  const TimePoint next = client_.next_timeout();
  if (next == kNever || next >= wake_) return;
  wake_ = next;
  machine_.internet().time().at(next, [this, alive = std::weak_ptr(alive_), next] {
    if (alive.expired() || wake_ != next) return;
    wake_ = kNever;
    feed([&](ClientActions& out) { client_.on_timeout(now(), out); });
  });
}

void ControlledNode::perform(const node::Connect& /*action*/) {
  perform(node::Disconnect{});
  const std::uint64_t attempt = ++attempt_;
  const std::weak_ptr<bool> alive = alive_;
  StreamEvents events;
  events.on_open = [this, alive, attempt] {
    if (alive.expired() || attempt != attempt_) return;
    is_open_ = true;
    const auto key = machine_key();
    send({.kind = ControlKind::Hello, .text = std::string(as_text(key.bytes()))});
    feed([&](ClientActions& out) { client_.on_connected(now(), out); });
  };
  events.on_message = [this, alive, attempt](ByteView bytes) {
    if (alive.expired() || attempt != attempt_) return;
    if (const auto message = decode_control_message(bytes)) on_message(*message);
  };
  events.on_closed = [this, alive, attempt](StreamEnd) {
    if (alive.expired() || attempt != attempt_) return;
    stream_.reset();
    is_open_ = false;
    asked_.clear();
    feed([&](ClientActions& out) { client_.on_connection_lost("connection lost", now(), out); });
  };
  stream_ = machine_.connect(config_.server, std::move(events), {.connect_timeout = kDialLimit});
}

void ControlledNode::perform(const node::Disconnect& /*action*/) {
  ++attempt_;
  is_open_ = false;
  asked_.clear();
  if (stream_) std::exchange(stream_, nullptr)->close();
}

void ControlledNode::perform(const node::Post& action) {
  if (!is_open_) return;
  asked_[action.number] = action.is_stream;
  send({.kind = ControlKind::Post,
        .number = action.number,
        .path = action.path,
        .text = action.body});
}

void ControlledNode::perform(const node::Cancel& action) {
  if (asked_.erase(action.number) > 0) send({.kind = ControlKind::Cancel, .number = action.number});
}

void ControlledNode::perform(const node::Ping& /*action*/) {
  send({.kind = ControlKind::Ping});
}

void ControlledNode::perform(const node::KeyChanged& /*action*/) {
  state_.node_key = client_.node_key().clone();
  note("new node key " + node_key().short_text());
  save();
  overlay_.reset();  // it was another's
}

void ControlledNode::perform(const node::StatusChanged& /*action*/) {
  if (!machine_.internet().is_traced()) return;
  static constexpr std::array kNames{"stopped", "needs login", "joining", "joined"};
  note(fmt::format("is {}, {}connected {} {}", kNames[std::to_underlying(status().login)],
                   status().is_connected ? "" : "not ", status().link, status().error));
}

void ControlledNode::perform(node::MapNews& action) {
  const node::MapChange change = map_.apply(std::move(action), wall_clock_.now());
  if (machine_.internet().is_traced()) {
    note(fmt::format("map: {}{} peers changed, {} removed", change.is_first ? "first, " : "",
                     change.peers.size(), change.removed.size()));
  }
  follow_map(change);
  look_at_expiry();
}

void ControlledNode::on_message(const ControlMessage& message) {
  if (message.kind == ControlKind::Pong) return client_.on_pong(now());
  const auto asked = asked_.find(message.number);
  if (asked == asked_.end()) return;
  const bool is_stream = asked->second;
  if (message.kind != ControlKind::Data) asked_.erase(asked);
  feed([&](ClientActions& out) {
    if (message.kind == ControlKind::Data) {
      client_.on_stream_data(message.number, as_bytes(message.text), now(), out);
    } else if (is_stream) {
      client_.on_stream_end(message.number, message.status, message.text, now(), out);
    } else {
      client_.on_answer(message.number, message.status, message.text, now(), out);
    }
  });
}

void ControlledNode::send(const ControlMessage& message) {
  if (stream_ && is_open_) stream_->send(encode(message));
}

// --- the map

void ControlledNode::introduce() {
  node::Introduction out;
  out.disco_key = disco_key_.public_key();
  out.hostinfo.hostname = config_.name;
  out.hostinfo.os = "linux";
  if (overlay_) {
    const path::Report& report = overlay_->paths().report();
    if (report.home != relay::kNoRegion) {
      out.hostinfo.net_info.emplace().preferred_derp = report.home;
      out.hostinfo.net_info->working_udp = report.udp;
    }
    out.endpoints = overlay_->paths().endpoints();
    out.endpoint_types.assign(out.endpoints.size(), control::EndpointType::Local);
  }
  feed([&](ClientActions&) { client_.introduce(std::move(out), now()); });
}

void ControlledNode::follow_map(const node::MapChange& change) {
  if (!node::is_tunnel_wanted(map_, state_.prefs)) {
    overlay_.reset();
    return;
  }
  if (overlay_) return apply(change);
  start_overlay();
  apply_all();
}

void ControlledNode::start_overlay() {
  OverlayNode::Config config{.name = config_.name,
                             .node_key = state_.node_key.clone(),
                             .disco_key = disco_key_.clone(),
                             .address = map_.self()->addresses.front().address()};
  filter_.reset();
  peers_.clear();
  overlay_ = std::make_unique<MeshNode>(machine_, std::move(config), random_.u64());
  overlay_->wall_clock().step(clock_step_);
  overlay_->set_observer(&observer_);
  overlay_->set_filter(policy::Filter::create({}).value());
  overlay_->set_on_news([this] { introduce(); });
}

void ControlledNode::look_at_expiry() {
  Duration wait = kLongestExpiryLook;
  if (const auto next = map_.next_expiry()) {
    const std::int64_t seconds = next->seconds - wall_clock_.now().seconds + 1;
    wait = std::clamp<Duration>(std::chrono::seconds(std::min<std::int64_t>(seconds, 3600)), 1s,
                                kLongestExpiryLook);
  }
  machine_.internet().time().after(wait,
                                   [this, alive = std::weak_ptr(alive_), look = ++expiry_look_] {
                                     if (alive.expired() || look != expiry_look_) return;
                                     const node::MapChange change = map_.on_time(wall_clock_.now());
                                     if (change != node::MapChange()) follow_map(change);
                                     look_at_expiry();
                                   });
}

// --- the data plane

void ControlledNode::apply(const node::MapChange& change) {
  if (change.is_first || change.self) return apply_all();
  if (change.relays) apply_relays();
  if (change.filter) apply_filter();
  apply_peers(change);
}

void ControlledNode::apply_all() {
  apply_relays();
  apply_filter();
  node::MapChange everyone;
  std::set<NodePublicKey> keys;
  for (const auto& [id, peer] : map_.peers()) {
    everyone.peers.push_back(id);
    keys.insert(peer.key);
  }
  for (const auto& [key, plan] : peers_) {
    if (!keys.contains(key)) everyone.removed_keys.push_back(key);
  }
  apply_peers(everyone);
}

void ControlledNode::apply_relays() {
  overlay_->set_relay_map(
      std::make_shared<const relay::Map>(control::to_relay_map(map_.relay_map())));
}

void ControlledNode::apply_filter() {
  node::FilterPlan plan = node::plan_filter(map_, state_.prefs);
  if (filter_ == plan) return;
  overlay_->set_filter(policy::Filter::create(plan.config).value());
  filter_ = std::move(plan);
}

void ControlledNode::apply_peers(const node::MapChange& change) {
  for (const NodePublicKey& key : change.removed_keys) {
    if (peers_.erase(key) != 0) overlay_->remove_peer(key);
  }
  for (const control::NodeId id : change.peers) {
    const control::Node* const peer = map_.find(id);
    if (peer == nullptr) continue;
    auto plan = node::plan_peer(map_, *peer, state_.prefs);
    const auto known = peers_.find(peer->key);
    if (!plan) {
      // Unless somebody else has this key now.
      if (known != peers_.end() && map_.has_key(*peer)) {
        overlay_->remove_peer(peer->key);
        peers_.erase(known);
      }
      continue;
    }
    if (known != peers_.end() && known->second == *plan) continue;
    overlay_->set_peer(plan->path, plan->allowed_ips);
    peers_.insert_or_assign(plan->key, std::move(*plan));
  }
}

}  // namespace warren::sim
