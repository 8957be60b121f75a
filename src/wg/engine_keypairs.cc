#include "wg/engine_state.h"

// What the engine publishes to the data path: keypairs in their three slots (spec: paths
// section 1.6), the index table, and the peer's path. What is unlinked here lives at least until
// the caller's take_retired().
namespace warren::wg {

namespace {

void publish(const Peer& peer) {
  peer.data->current.store(peer.current.get(), std::memory_order_release);
  peer.data->previous.store(peer.previous.get(), std::memory_order_release);
  peer.data->next.store(peer.next.get(), std::memory_order_release);
}

}  // namespace

// Unlinks the keypair, if there is one. The caller publishes the slots afterwards.
void Engine::State::retire(std::unique_ptr<Keypair>& keypair) {
  if (keypair == nullptr) return;
  index_table.erase(keypair->local_index());
  retired.push_back(std::move(keypair));
}

void Engine::State::install_as_initiator(Peer& peer, std::unique_ptr<Keypair> keypair) {
  retire(peer.previous);
  if (peer.next != nullptr) {
    retire(peer.current);
    peer.previous = std::move(peer.next);
  } else {
    peer.previous = std::move(peer.current);
  }
  peer.current = std::move(keypair);
  index_table.insert(*peer.current, retired);
  publish(peer);
}

void Engine::State::install_as_responder(Peer& peer, std::unique_ptr<Keypair> keypair) {
  retire(peer.previous);
  retire(peer.next);
  peer.next = std::move(keypair);
  index_table.insert(*peer.next, retired);
  publish(peer);
}

void Engine::State::confirm_next(Peer& peer) {
  retire(peer.previous);
  peer.previous = std::move(peer.current);
  peer.current = std::move(peer.next);
  publish(peer);
}

void Engine::State::erase_session(Peer& peer) {
  drop_handshake(peer);
  retire(peer.previous);
  retire(peer.current);
  retire(peer.next);
  publish(peer);
}

// A path that leads nowhere is none: workers look at the pointer only.
void Engine::State::publish_path(Peer& peer, const PeerPath& path) {
  if (path == (peer.path != nullptr ? peer.path->path : PeerPath())) return;
  auto published = path == PeerPath() ? nullptr : std::make_unique<PublishedPath>(path);
  peer.data->path.store(published.get(), std::memory_order_release);
  if (peer.path != nullptr) retired.push_back(std::move(peer.path));
  peer.path = std::move(published);
}

const UdpPath* Engine::State::direct_path(const Peer& peer) {
  if (peer.path == nullptr) return nullptr;
  const std::optional<UdpPath>& direct = peer.path->path.direct;
  return direct ? &*direct : nullptr;
}

void Engine::State::roam(Peer& peer, const UdpPath& path) {
  if (peer.roams()) publish_path(peer, {.direct = path, .relay = std::nullopt});
}

void Engine::State::forget_source(Peer& peer) {
  if (const UdpPath* const path = direct_path(peer))
    roam(peer, {.remote = path->remote, .source = std::nullopt});
}

}  // namespace warren::wg
