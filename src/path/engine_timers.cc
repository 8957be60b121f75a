#include <algorithm>
#include <utility>

#include "path/engine_state.h"

// Deadlines, and what changes when one has come.
namespace warren::path {

void Engine::on_timeout(TimePoint now, Actions& out) {
  state_->finish_report(now, out);
  if (state_->active_peers > 0) {
    if (now >= state_->next_full_check) state_->check_network(now);
    if (now >= state_->next_refresh) state_->refresh_endpoints(now);
  }
  while (const auto id = state_->deadlines.due(now)) {
    Peer* const peer = state_->find(*id);
    WARREN_CHECK(peer != nullptr);
    state_->on_timeout(*peer, now, out);
    state_->finish(*peer, now, out);
  }
  state_->netcheck.on_timeout(now, out);  // also what the above began
}

TimePoint Engine::next_timeout() const {
  TimePoint next = std::min(state_->netcheck.next_timeout(), state_->deadlines.next());
  if (state_->active_peers > 0 && state_->started)
    next = std::min({next, state_->next_full_check, state_->next_refresh});
  return next;
}

void Engine::State::on_timeout(Peer& peer, TimePoint now, Actions& out) {
  if (peer.was_active && !peer.is_active(now)) {
    peer.was_active = false;
    --active_peers;
    stop_probing(peer);
  }
  if (now >= peer.next_repeat) repeat_initiation(peer, now, out);
  const Discovery::Due due = peer.discovery.take(now);
  if (due.ping) ping_all(peer, now);
  if (due.call || now >= peer.next_call) {
    peer.next_call = kNever;
    call(peer, now, out);
    if (!due.call) repeat_initiation(peer, now, out);
  }
  for (Candidate& candidate : peer.candidates.all()) {
    if (now >= candidate.next_ping) ping(peer, candidate, now, out);
  }
  if (peer.was_active) probe(peer, now, out);
}

// What keeps a direct path proven.
void Engine::State::probe(Peer& peer, TimePoint now, Actions& out) {
  if (peer.best && peer.liveness.on_timeout(now)) ping_best(peer, now, out);
  if (peer.best && peer.liveness.in_doubt(now) &&
      now - peer.liveness.doubted_since() > kPingTimeout) {
    peer.best.reset();
  }
  if (now >= peer.next_heartbeat) {
    peer.next_heartbeat = now + kHeartbeat;
    if (peer.best && !peer.liveness.in_doubt(now)) ping_best(peer, now, out);
  }
  if (now >= peer.next_upgrade) {
    peer.next_upgrade = now + kDirectUpgrade;
    if (peer.liveness.latency() > kGoodEnough) ping_all(peer, now);
  }
  if (now >= peer.next_keep_warm) {
    peer.next_keep_warm = now + kKeepWarm;
    ping_second_best(peer, now, out);
  }
}

TimePoint Engine::State::next_timeout(const Peer& peer, TimePoint now) const {
  TimePoint next = std::min(peer.discovery.next_timeout(), peer.next_repeat);
  for (const Candidate& candidate : peer.candidates.all())
    next = std::min(next, candidate.next_ping);
  if (peer.was_active) {
    next = std::min({next, peer.next_heartbeat, peer.next_upgrade, peer.next_keep_warm,
                     peer.next_call, peer.last_sent + kSessionActive + Duration(1)});
    if (peer.best) {
      next = std::min(next, peer.liveness.next_timeout());
      if (peer.liveness.in_doubt(now))
        next = std::min(next, peer.liveness.doubted_since() + kPingTimeout + Duration(1));
    }
  } else if (peer.best && !peer.liveness.in_doubt(now)) {
    next = std::min(next, peer.liveness.trusted_until() + Duration(1));
  }
  return next;
}

void Engine::State::finish(Peer& peer, TimePoint now, Actions& out) {
  counters.candidates_evicted += peer.candidates.take_evicted();
  PathState state = peer.was_active ? PathState::Relayed : PathState::Idle;
  if (peer.best && peer.candidates.find(*peer.best) == nullptr) peer.best.reset();
  if (peer.best && !peer.liveness.in_doubt(now)) {
    state = PathState::Direct;
  } else if (peer.best && peer.was_active) {
    state = PathState::Doubt;
  }
  if (state != peer.state) enter(peer, state, now, out);

  const wg::PeerPath next = path(peer, now);
  if (next != peer.published) {
    publish(peer, next);
    out.emplace_back(SetPath{.peer = peer.id, .path = next});
  }
  const TimePoint deadline = next_timeout(peer, now);
  deadlines.move(peer.id, peer.queued_deadline, deadline);
  peer.queued_deadline = deadline;
}

void Engine::State::publish(Peer& peer, const wg::PeerPath& path) {
  if (const auto& old = peer.published.direct) {
    const auto found = by_proven.find(old->remote);
    if (found != by_proven.end() && found->second == &peer) by_proven.erase(found);
  }
  peer.published = path;
  const bool is_proven = path.direct && !path.relay && !peer.config.disco_key.is_zero();
  if (is_proven) by_proven[path.direct->remote] = &peer;
}

void Engine::State::enter(Peer& peer, PathState state, TimePoint now, Actions& out) {
  peer.state = state;
  peer.since = now;
  switch (state) {
    case PathState::Direct:
      peer.discovery.stop();
      peer.next_call = kNever;
      peer.next_upgrade = now + kDirectUpgrade;
      break;
    case PathState::Doubt:
      // Our public address may be another, and the relay's connection may have died with the path.
      start_discovery(peer, now);
      refresh_endpoints(now);
      if (const auto to = route(peer)) {
        out.emplace_back(CheckRelay{to->region});
        if (home != relay::kNoRegion && to->region != home) out.emplace_back(CheckRelay{home});
      }
      break;
    case PathState::Relayed:
      if (!peer.discovery.running()) start_discovery(peer, now);
      break;
    case PathState::Idle:
      break;
  }
}

}  // namespace warren::path
