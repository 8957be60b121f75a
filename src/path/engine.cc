#include "path/engine.h"

#include <algorithm>
#include <utility>

#include "path/engine_state.h"

namespace warren::path {

Engine::Engine(Random& random) : state_(std::make_unique<State>(random)) {}

Engine::~Engine() = default;

Peer* Engine::State::find(PeerId peer) const {
  const auto found = peers.find(peer);
  return found == peers.end() ? nullptr : found->second.get();
}

Peer* Engine::State::find(const NodePublicKey& key) const {
  const auto found = by_node_key.find(key);
  return found == by_node_key.end() ? nullptr : found->second;
}

const std::vector<Peer*>* Engine::State::find(const DiscoPublicKey& key) const {
  const auto found = by_disco_key.find(key);
  return found == by_disco_key.end() ? nullptr : &found->second;
}

void Engine::State::forget_disco_key(Peer& peer) {
  peer.box.reset();
  const auto found = by_disco_key.find(peer.config.disco_key);
  if (found == by_disco_key.end()) return;
  std::erase(found->second, &peer);
  if (found->second.empty()) by_disco_key.erase(found);
}

// What was sent to the old process nobody answers, and where the new one is has to show.
void Engine::State::on_restarted(Peer& peer, TimePoint now, Actions& out) {
  peer.pings.clear();
  peer.initiation.clear();
  peer.next_repeat = kNever;
  peer.last_call = TimePoint::min();
  peer.gone_backoff = {};
  if (peer.best) peer.liveness.doubt(now);
  out.emplace_back(ForgetSession{peer.id});
}

const BoxKey* Engine::State::box(Peer& peer) const {
  if (peer.config.disco_key.is_zero()) return nullptr;
  if (!peer.box) {
    BoxKey key;
    if (!key.init(disco_private.bytes(), peer.config.disco_key.bytes())) return nullptr;
    peer.box = std::move(key);
  }
  return &*peer.box;
}

void Engine::set_keys(const NodePublicKey& node_key, DiscoPrivateKey disco_key) {
  state_->node_key = node_key;
  state_->disco_private = std::move(disco_key);
  state_->disco_public = state_->disco_private.public_key();
  for (const auto& [id, peer] : state_->peers) peer->box.reset();
}

const DiscoPublicKey& Engine::disco_key() const {
  return state_->disco_public;
}

void Engine::set_peer(PeerId id, const PeerConfig& config, TimePoint now, Actions& out) {
  auto& slot = state_->peers[id];
  const bool is_new = slot == nullptr;
  if (is_new) {
    slot = std::make_unique<Peer>(id);
    slot->since = now;
  }
  Peer& peer = *slot;
  const bool has_new_disco_key = is_new || peer.config.disco_key != config.disco_key;
  if (has_new_disco_key) state_->forget_disco_key(peer);
  if (!is_new && peer.config.node_key != config.node_key)
    state_->by_node_key.erase(peer.config.node_key);
  const bool has_news = has_new_disco_key || peer.config != config;
  const bool is_restarted = !is_new && has_new_disco_key && !config.disco_key.is_zero();

  peer.config = config;
  state_->by_node_key[config.node_key] = &peer;
  if (has_new_disco_key && !config.disco_key.is_zero())
    state_->by_disco_key[config.disco_key].push_back(&peer);
  peer.candidates.set_configured(config.endpoints);
  if (is_restarted) state_->on_restarted(peer, now, out);
  // What is new may open a way: an active peer is probed at once.
  if (has_news && peer.is_active(now)) state_->start_discovery(peer, now);
  state_->finish(peer, now, out);
}

void Engine::remove_peer(PeerId id) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr) return;
  if (peer->was_active) --state_->active_peers;
  state_->deadlines.move(id, peer->queued_deadline, kNever);
  state_->forget_disco_key(*peer);
  state_->publish(*peer, {});
  const auto by_key = state_->by_node_key.find(peer->config.node_key);
  if (by_key != state_->by_node_key.end() && by_key->second == peer)
    state_->by_node_key.erase(by_key);
  std::erase(state_->waiting_for_stun, id);
  std::erase_if(state_->requested_pings,
                [&](const State::RequestedPing& ping) { return ping.peer == id; });
  state_->peers.erase(id);
}

std::optional<PeerId> Engine::find(const NodePublicKey& node_key) const {
  const Peer* const peer = state_->find(node_key);
  if (peer == nullptr) return std::nullopt;
  return peer->id;
}

std::optional<PeerId> Engine::find_proven(const Endpoint& endpoint) const {
  const auto found = state_->by_proven.find(endpoint);
  if (found == state_->by_proven.end()) return std::nullopt;
  return found->second->id;
}

PeerStatus Engine::status(PeerId id) const {
  const Peer* const peer = state_->find(id);
  WARREN_CHECK(peer != nullptr);
  PeerStatus out{.state = peer->state,
                 .path = peer->published,
                 .latency = std::nullopt,
                 .since = peer->since,
                 .candidates = peer->candidates.all().size(),
                 .answered = 0};
  if (peer->best) out.latency = peer->liveness.latency();
  for (const Candidate& candidate : peer->candidates.all())
    out.answered += candidate.last_pong != TimePoint::min() ? 1U : 0U;
  return out;
}

const Report& Engine::report() const {
  return state_->last_report;
}

const std::vector<Endpoint>& Engine::endpoints() const {
  return state_->published_endpoints;
}

relay::RegionId Engine::home() const {
  return state_->home;
}

const Counters& Engine::counters() const {
  return state_->counters;
}

std::size_t Engine::table_entries() const {
  std::size_t out = state_->by_node_key.size() + state_->by_disco_key.size() +
                    state_->by_proven.size() + state_->connected.size() + state_->own.size() +
                    state_->netcheck.size() + state_->home_choice.size() +
                    state_->waiting_for_stun.size() + state_->requested_pings.size();
  for (const auto& [id, peer] : state_->peers)
    out += 1 + peer->candidates.all().size() + peer->pings.size();
  return out;
}

}  // namespace warren::path
