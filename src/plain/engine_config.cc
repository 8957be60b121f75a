#include "plain/engine_config.h"

#include <algorithm>
#include <chrono>
#include <unordered_set>

#include "base/secret.h"

namespace warren::plain {

namespace {

Duration keepalive(std::uint16_t interval) {
  return std::chrono::seconds(interval);
}

void set_preshared_key(const PresharedKey& key, wg::PeerId peer, wg::Engine& engine) {
  if (!equal_constant_time(key.bytes(), engine.preshared_key(peer).bytes())) {
    engine.set_preshared_key(peer, key.clone());
  }
}

void remove_strangers(const wgquick::Config& config,
                      wg::Engine& engine,
                      TimePoint now,
                      wg::Actions& out) {
  std::unordered_set<NodePublicKey> wanted;
  for (const wgquick::Peer& peer : config.peers) wanted.insert(peer.public_key);
  for (const wg::PeerId peer : engine.peers()) {
    if (!wanted.contains(engine.status(peer).public_key)) engine.remove_peer(peer, now, out);
  }
}

Result<wg::PeerId> find_or_add(const NodePublicKey& key, wg::Engine& engine) {
  if (const auto known = engine.find_peer(key)) return *known;
  return engine.add_peer(key);
}

Result<void> apply_peer(uapi::SetPeer& peer, wg::Engine& engine, TimePoint now, wg::Actions& out) {
  const auto known = engine.find_peer(peer.public_key);
  if (peer.remove) {
    if (known) engine.remove_peer(*known, now, out);
    return {};
  }
  if (!known && peer.update_only) return {};
  WARREN_TRY(const wg::PeerId id, find_or_add(peer.public_key, engine));
  if (peer.preshared_key) engine.set_preshared_key(id, std::move(*peer.preshared_key));
  if (peer.endpoint) engine.set_endpoint(id, peer.endpoint->endpoint);
  if (peer.replace_allowed_ips) engine.clear_allowed_ips(id);
  for (const IpPrefix& prefix : peer.allowed_ips) engine.add_allowed_ip(id, prefix);
  if (peer.persistent_keepalive) {
    engine.set_persistent_keepalive(id, keepalive(*peer.persistent_keepalive), now, out);
  }
  return {};
}

}  // namespace

Result<void> sync_engine(const wgquick::Config& config,
                         wg::Engine& engine,
                         TimePoint now,
                         wg::Actions& out) {
  const NodePrivateKey& private_key = config.interface.private_key;
  if (!equal_constant_time(private_key.bytes(), engine.private_key().bytes())) {
    engine.set_private_key(private_key.clone(), now, out);
  }
  remove_strangers(config, engine, now, out);
  // All removals come before the first addition, which takes a prefix from whoever has it.
  for (const wgquick::Peer& peer : config.peers) {
    WARREN_TRY(const wg::PeerId id, find_or_add(peer.public_key, engine));
    for (const IpPrefix& prefix : engine.status(id).allowed_ips) {
      if (std::ranges::find(peer.allowed_ips, prefix) == peer.allowed_ips.end()) {
        engine.remove_allowed_ip(id, prefix);
      }
    }
  }
  for (const wgquick::Peer& peer : config.peers) {
    const auto known = engine.find_peer(peer.public_key);
    if (!known) continue;  // cannot be: it was added above
    const wg::PeerId id = *known;
    set_preshared_key(peer.preshared_key, id, engine);
    for (const IpPrefix& prefix : peer.allowed_ips) engine.add_allowed_ip(id, prefix);
    const Duration interval = keepalive(peer.persistent_keepalive);
    if (engine.status(id).persistent_keepalive != interval) {
      engine.set_persistent_keepalive(id, interval, now, out);
    }
  }
  return {};
}

Result<void> apply_set(uapi::SetRequest& request,
                       wg::Engine& engine,
                       TimePoint now,
                       wg::Actions& out) {
  if (request.private_key) engine.set_private_key(std::move(*request.private_key), now, out);
  if (request.replace_peers) {
    for (const wg::PeerId peer : engine.peers()) engine.remove_peer(peer, now, out);
  }
  for (uapi::SetPeer& peer : request.peers) {
    WARREN_TRY_VOID(apply_peer(peer, engine, now, out));
  }
  return {};
}

uapi::DeviceState describe_engine(const wg::Engine& engine) {
  uapi::DeviceState out;
  out.private_key = engine.private_key().clone();
  const std::vector<wg::PeerId> peers = engine.peers();
  out.peers.reserve(peers.size());
  for (const wg::PeerId id : peers) {
    wg::PeerStatus status = engine.status(id);
    uapi::PeerState& peer = out.peers.emplace_back();
    peer.public_key = status.public_key;
    peer.preshared_key = engine.preshared_key(id).clone();
    peer.endpoint = status.endpoint;
    peer.persistent_keepalive = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(status.persistent_keepalive).count());
    peer.allowed_ips = std::move(status.allowed_ips);
    peer.last_handshake = status.last_handshake;
    peer.bytes_sent = status.bytes_sent;
    peer.bytes_received = status.bytes_received;
  }
  return out;
}

}  // namespace warren::plain
