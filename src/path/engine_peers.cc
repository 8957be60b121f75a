#include <algorithm>
#include <utility>

#include "path/engine_state.h"
#include "proto/disco/messages.h"
#include "proto/wireguard/messages.h"

// A peer's path: what is sent to prove it, and where its packets go (spec: paths sections 5.4, 5.6,
// 9.6 to 9.8).
namespace warren::path {

namespace {

std::size_t hash_of(const std::vector<Endpoint>& endpoints) {
  std::size_t out = endpoints.size();
  for (const Endpoint& endpoint : endpoints) out = out * 31 + std::hash<Endpoint>()(endpoint);
  return out;
}

}  // namespace

void Engine::State::note_sent(Peer& peer, TimePoint at, TimePoint now) {
  peer.last_sent = std::max(peer.last_sent, at);
  if (peer.published.direct) peer.liveness.on_sent(at);
  if (peer.was_active || !peer.is_active(now)) return;
  peer.was_active = true;
  ++active_peers;
  peer.next_heartbeat = now;
  peer.next_keep_warm = now + kKeepWarm;
  if (!peer.best || peer.liveness.in_doubt(now)) start_discovery(peer, now);
  if (next_refresh == kNever) next_refresh = now;
}

void Engine::State::start_discovery(Peer& peer, TimePoint now) const {
  peer.discovery.start(relay_round_trip(), now);
}

void Engine::State::stop_probing(Peer& peer) {
  peer.discovery.stop();
  peer.next_heartbeat = kNever;
  peer.next_upgrade = kNever;
  peer.next_keep_warm = kNever;
  peer.next_call = kNever;
  for (Candidate& candidate : peer.candidates.all()) candidate.next_ping = kNever;
}

void Engine::State::ping(Peer& peer, Candidate& candidate, TimePoint now, Actions& out) {
  candidate.next_ping = kNever;
  const bool is_v6 = candidate.endpoint.address.is_v6();
  if (box(peer) == nullptr || (is_v6 ? network.port_v6 : network.port_v4) == 0) return;
  disco::Ping message{.transaction = {}, .node_key = node_key, .padding = 0};
  random.fill(message.transaction);
  peer.pings.add({.transaction = message.transaction, .endpoint = candidate.endpoint, .sent = now});
  candidate.last_ping = now;
  ++counters.pings_sent;
  out.emplace_back(SendUdp{.to = candidate.path(), .datagram = seal(peer, disco::encode(message))});
}

void Engine::State::ping_all(Peer& peer, TimePoint now) const {
  peer.candidates.prune(peer.best, now);
  TimePoint at = now;
  for (Candidate& candidate : peer.candidates.all()) {
    if (candidate.next_ping != kNever || candidate.last_ping > now - kPingSpacing) continue;
    candidate.next_ping = at;
    at += kPingPace;
  }
}

void Engine::State::ping_best(Peer& peer, TimePoint now, Actions& out) {
  if (!peer.best) return;
  Candidate* const best = peer.candidates.find(*peer.best);
  if (best == nullptr) {
    peer.best.reset();
    return;
  }
  ping(peer, *best, now, out);
  peer.liveness.on_sent(now);
}

// So that its latency is known when it is needed.
void Engine::State::ping_second_best(Peer& peer, TimePoint now, Actions& out) {
  Candidate* second = nullptr;
  for (Candidate& candidate : peer.candidates.all()) {
    if (candidate.endpoint == peer.best || !candidate.answered_within(kDirectUpgrade, now))
      continue;
    if (second == nullptr || is_better(candidate, *second)) second = &candidate;
  }
  if (second != nullptr) ping(peer, *second, now, out);
}

void Engine::State::call(Peer& peer, TimePoint now, Actions& out) {
  const auto to = route(peer);
  if (!to || box(peer) == nullptr) return;
  const std::vector<Endpoint> endpoints = own.list(now);
  // Several reasons at once are one call.
  if (peer.last_call > now - kCallSpacing && peer.last_called == hash_of(endpoints)) return;
  if (!endpoints_are_fresh(now) || netcheck.running()) {
    // Called now with what we know, and again when we know better.
    if (!peer.call_after_stun) waiting_for_stun.push_back(peer.id);
    peer.call_after_stun = true;
    if (!endpoints_are_fresh(now)) refresh_endpoints(now);
  }
  peer.last_call = now;
  peer.last_called = hash_of(endpoints);
  ++counters.call_me_maybes_sent;
  out.emplace_back(
      SendRelay{.to = *to, .datagram = seal(peer, disco::encode_call_me_maybe(endpoints))});
}

// Its home, where it waits for us; or the relay that it was last heard through (spec: paths
// section 2.4).
std::optional<relay::Route> Engine::State::route(const Peer& peer) const {
  const relay::RegionId home_of_peer =
      map->find(peer.config.home) != nullptr ? peer.config.home : relay::kNoRegion;
  relay::RegionId region = home_of_peer;
  if (!connected.contains(region) && connected.contains(peer.learned)) region = peer.learned;
  if (region == relay::kNoRegion) return std::nullopt;
  return relay::Route{.region = region, .peer = peer.config.node_key};
}

wg::PeerPath Engine::State::path(const Peer& peer, TimePoint now) const {
  wg::PeerPath out;
  if (peer.config.disco_key.is_zero()) {
    // It can prove nothing: the first address that it is said to have.
    if (!peer.config.endpoints.empty())
      out.direct = UdpPath{.remote = peer.config.endpoints.front(), .source = std::nullopt};
    return out;
  }
  const Candidate* const best = peer.best ? peer.candidates.find(*peer.best) : nullptr;
  if (best != nullptr) out.direct = best->path();
  if (best == nullptr || peer.liveness.in_doubt(now)) out.relay = route(peer);
  return out;
}

void Engine::State::send_everywhere(const Peer& peer,
                                    ByteView message,
                                    TimePoint now,
                                    Actions& out) const {
  const std::vector<std::uint8_t> datagram(message.begin(), message.end());
  if (const auto to = route(peer)) out.emplace_back(SendRelay{.to = *to, .datagram = datagram});
  for (const Candidate& candidate : peer.candidates.all()) {
    if (candidate.endpoint == peer.best || candidate.answered_within(kSessionActive, now))
      out.emplace_back(SendUdp{.to = candidate.path(), .datagram = datagram});
  }
}

void Engine::send_handshake(PeerId id, ByteView message, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr) return;
  state_->note_sent(*peer, now, now);
  const auto type = wireguard::classify(message);
  if (type && *type == wireguard::MessageType::Initiation) {
    peer->initiation.assign(message.begin(), message.end());
    peer->repeats = kInitiationRepeats;
    peer->last_repeat = now;
    peer->next_repeat = now + kInitiationRepeat;
  }
  const wg::PeerPath path = state_->path(*peer, now);
  if (path.direct && !path.relay) {
    out.emplace_back(SendUdp{.to = *path.direct, .datagram = {message.begin(), message.end()}});
  } else {
    state_->send_everywhere(*peer, message, now, out);
  }
  state_->finish(*peer, now, out);
}

void Engine::State::repeat_initiation(Peer& peer, TimePoint now, Actions& out) const {
  // Not at every sign of life: one that is on its way may be answered first.
  if (peer.initiation.empty() || peer.repeats == 0 || peer.last_repeat > now - kProbeInterval)
    return;
  --peer.repeats;
  peer.last_repeat = now;
  peer.next_repeat = peer.repeats == 0
                         ? kNever
                         : now + kInitiationRepeat * (1 << (kInitiationRepeats - peer.repeats));
  send_everywhere(peer, peer.initiation, now, out);
}

void Engine::on_session(PeerId id) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr) return;
  peer->initiation.clear();
  peer->next_repeat = kNever;
}

void Engine::on_activity(PeerId id, const wg::Activity& activity, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr) return;
  const TimePoint received = activity.direct_received.get();
  if (received != wg::Stamp::kNone) peer->liveness.on_traffic(received);
  const TimePoint sent = activity.authenticated_sent.get();
  if (sent != wg::Stamp::kNone && sent > peer->last_sent) state_->note_sent(*peer, sent, now);
  state_->finish(*peer, now, out);
}

void Engine::on_unreachable(PeerId id, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr || !peer->best) return;
  peer->liveness.doubt(now);
  state_->finish(*peer, now, out);
}

void Engine::on_source_refused(PeerId id, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr || !peer->best) return;
  if (Candidate* const best = peer->candidates.find(*peer->best)) best->local.reset();
  state_->finish(*peer, now, out);
}

}  // namespace warren::path
