#include "tunnel/paths.h"

#include <utility>
#include <variant>

#include "path/constants.h"
#include "proto/disco/frame.h"
#include "proto/stun/binding.h"
#include "proto/wireguard/messages.h"
#include "wg/relayed_source.h"

namespace warren::tunnel {

namespace {

std::string describe(const wg::PeerPath& path) {
  std::string out = path.direct ? path.direct->remote.to_string() : "";
  if (path.relay)
    out += fmt::format("{}relay {}", path.direct ? " and " : "", path.relay->region.value);
  return out.empty() ? "nowhere" : out;
}

std::unexpected<Error> refused(path::PingRefusal why) {
  switch (why) {
    case path::PingRefusal::UnknownPeer:
      return fail(Errc::NotFound, "ping: there is no such peer");
    case path::PingRefusal::NoDisco:
      return fail(Errc::Unsupported, "ping: the peer speaks plain WireGuard, which has no pings");
    case path::PingRefusal::TooMany:
      break;
  }
  return fail(Errc::Unavailable, "ping: too many pings wait for an answer; try again later");
}

}  // namespace

Paths::Paths(wg::Engine& engine,
             wg::Actions& wg_actions,
             MeshOptions options,
             SendUdp send_udp,
             Random& random,
             Log& log)
    : wg_(engine),
      wg_actions_(wg_actions),
      relay_(*options.relay),
      disco_key_(std::move(options.disco_key)),
      send_udp_(std::move(send_udp)),
      log_(log),
      engine_(random) {
  engine_.set_keys(node_key_, disco_key_.clone());
}

std::unique_ptr<PathLink> Paths::make_link() const {
  return std::make_unique<PathLink>(relay_.rings(), relay_.to_relay());
}

void Paths::set_relay_map(std::shared_ptr<const relay::Map> map, TimePoint now) {
  relay_.set_map(map);
  engine_.set_relay_map(std::move(map), now, actions_);
}

void Paths::set_peer(wg::PeerId peer, const path::PeerConfig& config, TimePoint now) {
  if (!wg_.has_peer(peer) || roams(peer)) return;
  peers_.insert(peer);
  engine_.set_peer(peer, config, now, actions_);
}

Result<std::uint64_t> Paths::ping(wg::PeerId peer, Mesh::OnPingAnswer on_answer, TimePoint now) {
  const std::uint64_t token = last_ping_ + 1;
  Result<void, path::PingRefusal> asked;
  // Pings of peers that are gone wait here alone.
  if (roams(peer)) {
    asked = unexpected(path::PingRefusal::NoDisco);
  } else if (pings_.size() == path::kMaxRequestedPings) {
    asked = unexpected(path::PingRefusal::TooMany);
  } else {
    asked = engine_.ping(peer, token, now, actions_);
  }
  if (!asked) return refused(asked.error());
  last_ping_ = token;
  pings_.emplace(token, std::move(on_answer));
  return token;
}

void Paths::cancel_ping(std::uint64_t ping) {
  pings_.erase(ping);
  engine_.cancel_ping(ping);
}

void Paths::on_configured() {
  if (wg_.public_key() != node_key_) {
    node_key_ = wg_.public_key();
    engine_.set_keys(node_key_, disco_key_.clone());
  }
  std::erase_if(peers_, [&](wg::PeerId peer) {
    if (wg_.has_peer(peer)) return false;
    engine_.remove_peer(peer);
    return true;
  });
}

void Paths::on_network(const path::LocalNetwork& network, TimePoint now) {
  engine_.on_network(network, now, actions_);
  relay_.on_network_change();
}

void Paths::on_wakeup(TimePoint now) {
  engine_.on_wakeup(now, actions_);
  relay_.on_network_change();
}

void Paths::on_relay_up(relay::RegionId region, TimePoint now) {
  engine_.on_relay_up(region, now, actions_);
}

void Paths::on_relay_down(relay::RegionId region, TimePoint now) {
  engine_.on_relay_down(region, now, actions_);
}

void Paths::on_peer_gone(const relay::Route& peer, TimePoint now) {
  engine_.on_peer_gone(peer, now, actions_);
}

void Paths::on_relay_measured(relay::RegionId region,
                              std::optional<Duration> latency,
                              TimePoint now) {
  engine_.on_relay_measured(region, latency, now, actions_);
}

void Paths::on_relayed(const relay::Route& from,
                       ByteView datagram,
                       std::size_t waiting,
                       TimePoint now) {
  const auto peer = engine_.find(from.peer);
  if (!peer) {
    ++counters_.relayed_unknown;
    return;
  }
  engine_.on_relayed(*peer, from.region, now, actions_);
  if (disco::looks_like_frame(datagram)) {
    engine_.on_relayed_disco(datagram, from, now, actions_);
    return;
  }
  const auto type = wireguard::classify(datagram);
  if (!type || *type == wireguard::MessageType::Data) {
    ++counters_.relayed_malformed;
    return;
  }
  last_relayed_ = from;
  wg_.on_handshake_message(datagram, wg::relayed_source(from), waiting, now, wg_actions_);
}

void Paths::on_datagrams(PathLink& link, TimePoint now) {
  // What comes meanwhile waits for the next call: others want to be heard as well.
  for (std::size_t left = link.datagrams.size(); left > 0; --left) {
    const PathDatagram& entry = *link.datagrams.front();
    const ByteView datagram = ByteView(entry.bytes).first(entry.size);
    if (stun::looks_like_binding_success(datagram)) {
      engine_.on_stun(datagram, entry.from, now, actions_);
    } else {
      engine_.on_disco(datagram, entry.from, now, actions_);
    }
    link.datagrams.pop();
  }
}

// Only where it is sure who sent it: the relay knows, or the peer has proven the address.
void Paths::on_unknown_index(const UnknownIndex& event, TimePoint now) {
  const auto* const route = std::get_if<relay::Route>(&event.from);
  auto peer = route != nullptr ? engine_.find(route->peer)
                               : engine_.find_proven(std::get<Endpoint>(event.from));
  // A device that goes on where our last life heard it.
  if (!peer && route == nullptr) peer = wg_.find_roaming(std::get<Endpoint>(event.from));
  if (!peer) return;
  if (route != nullptr) engine_.on_relayed(*peer, route->region, now, actions_);
  wg_.on_unknown_index(*peer, now, wg_actions_);
}

bool Paths::roams(wg::PeerId peer) const {
  return wg_.has_peer(peer) && wg_.data_peer(peer).roams();
}

void Paths::on_activity(wg::PeerId peer, TimePoint now) {
  if (!wg_.has_peer(peer) || roams(peer)) return;
  wg::Activity& activity = wg_.data_peer(peer).activity;
  engine_.on_activity(peer, activity, now, actions_);
  if (const std::uint16_t region = activity.relayed_by.exchange(0, std::memory_order_relaxed))
    engine_.on_relayed(peer, relay::RegionId{region}, now, actions_);
  if (activity.source_refused.exchange(false, std::memory_order_relaxed))
    engine_.on_source_refused(peer, now, actions_);
  if (activity.unreachable.exchange(false, std::memory_order_relaxed))
    engine_.on_unreachable(peer, now, actions_);
}

void Paths::send(const wg::SendMessage& message, TimePoint now) {
  const ByteView bytes = message.message.view();
  const UdpPath to = message.to.value_or(UdpPath());
  if (message.peer && !message.to) {
    engine_.send_handshake(*message.peer, bytes, now, actions_);
    on_activity(*message.peer, now);  // what is answered may have come over the direct path
  } else if (!wg::is_relayed_source(to.remote.address)) {
    send_udp_(bytes, to, now);
  } else if (last_relayed_ && wg::relayed_source(*last_relayed_) == to) {
    relay_.send(*last_relayed_, bytes);
  }
}

void Paths::send_keepalive(wg::PeerId peer,
                           ByteView datagram,
                           const wg::PeerPath& path,
                           TimePoint now) {
  if (path.relay) relay_.send(*path.relay, datagram);
  if (path.direct && is_unreachable(send_udp_(datagram, *path.direct, now)))
    engine_.on_unreachable(peer, now, actions_);
}

void Paths::on_session(wg::PeerId peer, TimePoint now) {
  if (roams(peer)) return;
  engine_.on_session(peer);
  on_activity(peer, now);
}

MeshCounters Paths::counters() const {
  MeshCounters out = counters_;
  out.path = engine_.counters();
  return out;
}

void Paths::perform(TimePoint now) {
  while (!actions_.empty()) {  // an observer may configure
    const path::Actions batch = std::exchange(actions_, {});
    for (const path::Action& action : batch) {
      std::visit([&](const auto& what) { perform(what, now); }, action);
    }
  }
}

void Paths::perform(const path::SendUdp& action, TimePoint now) const {
  send_udp_(action.datagram, action.to, now);
}

void Paths::perform(const path::SendRelay& action, TimePoint /*now*/) const {
  relay_.send(action.to, action.datagram);
}

void Paths::perform(const path::SetPath& action, TimePoint /*now*/) {
  if (!wg_.has_peer(action.peer)) return;
  wg_.set_path(action.peer, action.path);
  if (observer_.path_changed) observer_.path_changed(action.peer);
  if (!log_.enabled(LogLevel::Debug)) return;
  log_.debug("tunnel: path peer={} to=\"{}\"", wg_.status(action.peer).public_key.short_text(),
             describe(action.path));
}

void Paths::perform(const path::ForgetSession& action, TimePoint now) const {
  wg_.on_peer_restarted(action.peer, now, wg_actions_);
}

void Paths::perform(const path::SetHome& action, TimePoint /*now*/) const {
  relay_.set_home(action.region);
  log_.info("tunnel: home relay region={}", action.region.value);
  if (observer_.home_changed) observer_.home_changed(action.region);
}

void Paths::perform(const path::CheckRelay& action, TimePoint /*now*/) const {
  relay_.check(action.region);
}

void Paths::perform(const path::MeasureRelay& action, TimePoint /*now*/) const {
  relay_.measure(action.region);
}

void Paths::perform(const path::EndpointsChanged& action, TimePoint /*now*/) const {
  if (observer_.endpoints_changed) observer_.endpoints_changed(action.endpoints);
}

void Paths::perform(const path::ReportReady& action, TimePoint /*now*/) const {
  if (observer_.report_ready) observer_.report_ready(action.report);
}

void Paths::perform(const path::PingAnswered& action, TimePoint /*now*/) {
  const auto found = pings_.find(action.token);
  if (found == pings_.end()) return;  // cancelled since
  const Mesh::OnPingAnswer on_answer = std::move(pings_.extract(found).mapped());
  on_answer(action.answer);
}

}  // namespace warren::tunnel
