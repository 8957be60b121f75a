#include "sim/mesh_node.h"

#include <utility>

#include <fmt/format.h>

#include "proto/disco/frame.h"
#include "proto/stun/binding.h"
#include "wg/relayed_source.h"

namespace warren::sim {

MeshNode::MeshNode(Machine& machine, Config config, std::uint64_t seed)
    : OverlayNode(machine, config, seed), paths_(random()) {
  paths_.set_keys(node_key(), std::move(config.disco_key));
  start();
}

// --- what happens to the node

void MeshNode::on_relay_map(const std::shared_ptr<const relay::Map>& map) {
  paths_.set_relay_map(map, now(), actions_);
  finish_paths();
}

void MeshNode::on_peer(wg::PeerId id, const path::PeerConfig& peer) {
  paths_.set_peer(id, peer, now(), actions_);
  finish_paths();
}

void MeshNode::on_network(const path::LocalNetwork& network) {
  paths_.on_network(network, now(), actions_);
  finish_paths();
}

void MeshNode::on_wakeup() {
  paths_.on_wakeup(now(), actions_);
}

void MeshNode::on_relay_up(relay::RegionId region) {
  paths_.on_relay_up(region, now(), actions_);
  finish_paths();
}

void MeshNode::on_relay_down(relay::RegionId region) {
  paths_.on_relay_down(region, now(), actions_);
  finish_paths();
}

void MeshNode::on_peer_gone(const relay::Route& peer) {
  paths_.on_peer_gone(peer, now(), actions_);
  finish_paths();
}

void MeshNode::on_datagram(ByteView datagram, const UdpPath& from) {
  if (stun::looks_like_binding_success(datagram)) {
    paths_.on_stun(datagram, from, now(), actions_);
  } else if (disco::looks_like_frame(datagram)) {
    paths_.on_disco(datagram, from, now(), actions_);
  } else if (!wg::is_relayed_source(from.remote.address)) {
    receive(datagram, from);
  }
  finish_paths();
}

void MeshNode::on_relayed(const relay::Route& from, ByteView datagram) {
  const auto peer = paths_.find(from.peer);
  if (!peer) return;
  paths_.on_relayed(*peer, from.region, now(), actions_);
  if (disco::looks_like_frame(datagram)) {
    paths_.on_relayed_disco(datagram, from, now(), actions_);
  } else {
    receive_relayed(from, datagram);
  }
  finish_paths();
}

// --- WireGuard

void MeshNode::send_message(const wg::SendMessage& message) {
  if (message.peer) {
    paths_.send_handshake(*message.peer, message.message.view(), now(), actions_);
    finish_paths();
  } else if (relayed_from()) {
    send_by_relay(*relayed_from(), message.message.view());
  } else if (message.to) {
    send_by_udp(*message.to, message.message.view());
  }
}

void MeshNode::send_data(const wg::DataPeer& peer, const wg::PeerPath& path, ByteView datagram) {
  if (path.direct && !send_by_udp(*path.direct, datagram)) {
    paths_.on_unreachable(peer.id, now(), actions_);
  }
  if (path.relay) send_by_relay(*path.relay, datagram);
  finish_paths();
}

void MeshNode::on_session(wg::PeerId peer) {
  paths_.on_session(peer);
}

std::optional<wg::PeerId> MeshNode::sender(const UdpPath& from) const {
  return relayed_from() ? paths_.find(relayed_from()->peer) : paths_.find_proven(from.remote);
}

void MeshNode::on_activity(const wg::DataPeer& peer) {
  paths_.on_activity(peer.id, peer.activity, now(), actions_);
  finish_paths();
}

// --- paths

void MeshNode::finish_paths() {
  if (performs_) return;  // the loop below goes on with what was added
  performs_ = true;
  while (!actions_.empty()) {
    for (const path::Action& action : std::exchange(actions_, {})) perform(action);
  }
  performs_ = false;
  const TimePoint next = paths_.next_timeout();
  if (next == kNever || next >= wake_) return;
  wake_ = next;
  time().at(next, [this, alive = life(), next] {
    if (alive.expired() || wake_ != next) return;
    wake_ = kNever;
    paths_.on_timeout(now(), actions_);
    WARREN_CHECK(paths_.next_timeout() > now());
    finish_paths();
  });
}

void MeshNode::perform(const path::Action& action) {
  if (const auto* const udp = std::get_if<path::SendUdp>(&action)) {
    send_by_udp(udp->to, udp->datagram);
  } else if (const auto* const relayed = std::get_if<path::SendRelay>(&action)) {
    send_by_relay(relayed->to, relayed->datagram);
  } else if (const auto* const path = std::get_if<path::SetPath>(&action)) {
    set_path(path->peer, path->path);
    if (is_traced()) {
      const auto& where = path->path;
      note(fmt::format("path: {}{}", where.direct ? where.direct->remote.to_string() : "",
                       where.relay ? " relay" : ""));
    }
  } else if (const auto* const forget = std::get_if<path::ForgetSession>(&action)) {
    configure([&](wg::Engine& engine, TimePoint at, wg::Actions& out) {
      engine.on_peer_restarted(forget->peer, at, out);
    });
  } else if (const auto* const home = std::get_if<path::SetHome>(&action)) {
    set_home(home->region);
    if (on_news_) on_news_();
  } else if (const auto* const check = std::get_if<path::CheckRelay>(&action)) {
    check_relay(check->region);
  } else if (const auto* const measure = std::get_if<path::MeasureRelay>(&action)) {
    paths_.on_relay_measured(measure->region, measure_relay(measure->region), now(), actions_);
  } else if (std::holds_alternative<path::EndpointsChanged>(action) ||
             std::holds_alternative<path::ReportReady>(action)) {
    if (on_news_) on_news_();
  }
}

}  // namespace warren::sim
