#include "wg/engine.h"

#include <algorithm>
#include <utility>

#include "crypto/x25519.h"
#include "wg/engine_state.h"

namespace warren::wg {

Engine::Engine(Random& random, const WallClock& wall_clock, PathMode path_mode)
    : state_(std::make_unique<State>(random, wall_clock, path_mode)) {}

Engine::~Engine() = default;

Peer* Engine::State::find(PeerId peer) const {
  const auto found = peers.find(peer);
  return found == peers.end() ? nullptr : found->second.get();
}

Peer& Engine::State::get(PeerId peer) const {
  Peer* const found = find(peer);
  WARREN_CHECK(found != nullptr);
  return *found;
}

void Engine::State::renew_static_static(Peer& peer) const {
  peer.can_talk = !private_key.is_zero() && peer.public_key != public_key &&
                  x25519(peer.static_static, private_key, peer.public_key);
}

void Engine::set_private_key(NodePrivateKey key, TimePoint /*now*/, Actions& out) {
  if (equal_constant_time(key.bytes(), state_->private_key.bytes())) return;
  state_->private_key = std::move(key);
  state_->public_key =
      state_->private_key.is_zero() ? NodePublicKey() : state_->private_key.public_key();
  state_->cookies.set_public_key(state_->public_key);
  for (auto& [id, peer] : state_->peers) {
    state_->update_timers(*peer);
    if (peer->timers.attempting()) out.emplace_back(DropStaged{id});
    state_->erase_session(*peer);
    peer->timers.forget_session();
    state_->renew_static_static(*peer);
    state_->reschedule(*peer);
  }
}

const NodePrivateKey& Engine::private_key() const {
  return state_->private_key;
}

const NodePublicKey& Engine::public_key() const {
  return state_->public_key;
}

Result<PeerId> Engine::add_peer(const NodePublicKey& key) {
  return add_peer(key, state_->path_mode);
}

Result<PeerId> Engine::add_peer(const NodePublicKey& key, PathMode path_mode) {
  if (state_->by_key.contains(key))
    return fail(Errc::AlreadyExists, "peer " + key.short_text() + " exists already");
  if (state_->peers.size() >= kMaxPeers)
    return fail(Errc::Unavailable, "there are 65536 peers, which is the most one device can have");
  const PeerId id{state_->next_id++};
  auto peer = std::make_unique<Peer>(id, key, path_mode, state_->random);
  peer->last_sent_timestamp = state_->removed_timestamp;
  state_->renew_static_static(*peer);
  state_->by_key.emplace(key, peer.get());
  state_->peers.emplace(id, std::move(peer));
  return id;
}

std::optional<PeerId> Engine::find_peer(const NodePublicKey& key) const {
  const auto found = state_->by_key.find(key);
  if (found == state_->by_key.end()) return std::nullopt;
  return found->second->id;
}

std::optional<PeerId> Engine::find_roaming(const Endpoint& endpoint) const {
  for (const auto& [id, peer] : state_->peers) {
    if (!peer->roams()) continue;
    const UdpPath* const path = state_->direct_path(*peer);
    if (path != nullptr && path->remote == endpoint) return id;
  }
  return std::nullopt;
}

bool Engine::has_peer(PeerId peer) const {
  return state_->find(peer) != nullptr;
}

void Engine::remove_peer(PeerId peer_id, TimePoint /*now*/, Actions& out) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr) return;
  clear_allowed_ips(peer_id);
  state_->erase_session(*peer);
  state_->deadlines.move(peer_id, peer->queued_deadline, kNever);
  state_->removed_timestamp = std::max(state_->removed_timestamp, peer->last_sent_timestamp);
  peer->data->path.store(nullptr, std::memory_order_release);
  if (peer->path != nullptr) state_->retired.push_back(std::move(peer->path));
  state_->retired.push_back(std::move(peer->data));
  state_->by_key.erase(peer->public_key);
  state_->peers.erase(peer_id);
  out.emplace_back(DropStaged{peer_id});
}

void Engine::set_preshared_key(PeerId peer, PresharedKey key) {
  state_->get(peer).preshared_key = std::move(key);
}

const PresharedKey& Engine::preshared_key(PeerId peer) const {
  return state_->get(peer).preshared_key;
}

void Engine::set_endpoint(PeerId peer_id, const Endpoint& endpoint) {
  Peer& peer = state_->get(peer_id);
  WARREN_CHECK(peer.roams());
  const UdpPath* const path = state_->direct_path(peer);
  if (path != nullptr && path->remote == endpoint) return;  // keeps a learnt source
  state_->roam(peer, UdpPath{.remote = endpoint, .source = std::nullopt});
}

void Engine::set_path(PeerId peer_id, const PeerPath& path) {
  Peer& peer = state_->get(peer_id);
  WARREN_CHECK(!peer.roams());
  state_->publish_path(peer, path);
}

void Engine::set_persistent_keepalive(PeerId peer_id,
                                      Duration interval,
                                      TimePoint now,
                                      Actions& out) {
  Peer& peer = state_->get(peer_id);
  const bool was_off = peer.timers.persistent_keepalive() == Duration::zero();
  state_->update_timers(peer);
  peer.timers.set_persistent_keepalive(interval, now);
  if (was_off && interval > Duration::zero()) state_->send_keepalive(peer, now, out);
  state_->reschedule(peer);
}

void Engine::add_allowed_ip(PeerId peer_id, const IpPrefix& prefix) {
  Peer& peer = state_->get(peer_id);
  Peer*& owner = state_->routes[prefix];
  if (owner != nullptr) owner->allowed_ips.erase(prefix);
  owner = &peer;
  peer.allowed_ips.insert(prefix);
}

void Engine::remove_allowed_ip(PeerId peer_id, const IpPrefix& prefix) {
  Peer& peer = state_->get(peer_id);
  if (peer.allowed_ips.erase(prefix) > 0) state_->routes.erase(prefix);
}

void Engine::clear_allowed_ips(PeerId peer_id) {
  Peer& peer = state_->get(peer_id);
  for (const IpPrefix& prefix : peer.allowed_ips) state_->routes.erase(prefix);
  peer.allowed_ips.clear();
}

// Ids are given in the order of adding.
std::vector<PeerId> Engine::peers() const {
  std::vector<PeerId> out;
  out.reserve(state_->peers.size());
  for (const auto& [id, peer] : state_->peers) out.push_back(id);
  std::ranges::sort(out);
  return out;
}

PeerStatus Engine::status(PeerId peer_id) const {
  const Peer& peer = state_->get(peer_id);
  PeerStatus out{.id = peer.id,
                 .public_key = peer.public_key,
                 .has_preshared_key = !peer.preshared_key.is_zero(),
                 .endpoint = std::nullopt,
                 .persistent_keepalive = peer.timers.persistent_keepalive(),
                 .allowed_ips = {peer.allowed_ips.begin(), peer.allowed_ips.end()},
                 .last_handshake = peer.last_handshake,
                 .bytes_sent = peer.data->bytes_sent.load(std::memory_order_relaxed),
                 .bytes_received = peer.data->bytes_received.load(std::memory_order_relaxed)};
  if (const UdpPath* const path = state_->direct_path(peer)) out.endpoint = path->remote;
  return out;
}

const EngineCounters& Engine::counters() const {
  return state_->counters;
}

std::shared_ptr<const AllowedIps> Engine::allowed_ips() const {
  std::vector<AllowedIps::Entry> entries;
  entries.reserve(state_->routes.size());
  for (const auto& [prefix, peer] : state_->routes) entries.push_back({prefix, peer->data.get()});
  return std::make_shared<const AllowedIps>(entries);
}

const IndexTable& Engine::index_table() const {
  return state_->index_table;
}

DataPeer& Engine::data_peer(PeerId peer) const {
  return *state_->get(peer).data;
}

const SymmetricKey& Engine::mac1_key() const {
  return state_->cookies.mac1_key();
}

std::vector<std::unique_ptr<Retired>> Engine::take_retired() {
  return std::exchange(state_->retired, {});
}

}  // namespace warren::wg
