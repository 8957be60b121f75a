#include "wg/engine_state.h"

namespace warren::wg {

// Cleared before the stamps are read: what is stamped later is noted again.
void Engine::State::update_timers(Peer& peer) {
  peer.data->activity.noted.exchange(false, std::memory_order_acq_rel);
  peer.timers.update(peer.data->activity);
}

void Engine::State::reschedule(Peer& peer) {
  const TimePoint deadline = peer.timers.next();
  deadlines.move(peer.id, peer.queued_deadline, deadline);
  peer.queued_deadline = deadline;
}

// A keepalive is a packet like another: without a key it asks for a handshake.
void Engine::State::send_keepalive(Peer& peer, TimePoint now, Actions& out) {
  if (sending_keypair(*peer.data, now) != nullptr) {
    out.emplace_back(SendKeepalive{peer.id});
  } else {
    initiate(peer, Attempt::First, now, out);
  }
}

void Engine::State::on_timer(Peer& peer, Timer timer, TimePoint now, Actions& out) {
  switch (timer) {
    case Timer::Retransmit:
      if (peer.timers.count_retry()) {
        forget_source(peer);
        initiate(peer, Attempt::Retry, now, out);
        break;
      }
      peer.timers.give_up(now);
      drop_handshake(peer);
      out.emplace_back(HandshakeGivenUp{peer.id});
      out.emplace_back(DropStaged{peer.id});
      break;
    case Timer::DelayedInitiation:
      initiate(peer, Attempt::Retry, now, out);
      break;
    case Timer::NewHandshake:
      forget_source(peer);
      initiate(peer, Attempt::First, now, out);
      break;
    case Timer::Keepalive:
    case Timer::PersistentKeepalive:
      send_keepalive(peer, now, out);
      break;
    case Timer::KeyWipe:
      erase_session(peer);
      out.emplace_back(DropStaged{peer.id});
      break;
  }
}

void Engine::on_timeout(TimePoint now, Actions& out) {
  while (const auto due = state_->deadlines.due(now)) {
    Peer& peer = state_->get(*due);
    state_->update_timers(peer);
    while (const auto timer = peer.timers.take_due(now)) state_->on_timer(peer, *timer, now, out);
    state_->reschedule(peer);
  }
}

TimePoint Engine::next_timeout() const {
  return state_->deadlines.next();
}

void Engine::on_activity(PeerId peer_id, TimePoint /*now*/, Actions& /*out*/) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr) return;
  state_->update_timers(*peer);
  state_->reschedule(*peer);
}

void Engine::on_send_wanted(PeerId peer_id, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr || !peer->can_talk) {
    out.emplace_back(DropStaged{peer_id});
    return;
  }
  state_->update_timers(*peer);
  // The event may have crossed the one that brought a key.
  if (sending_keypair(*peer->data, now) != nullptr) {
    out.emplace_back(FlushStaged{.peer = peer_id});
  } else {
    state_->initiate(*peer, Attempt::First, now, out);
  }
  state_->reschedule(*peer);
}

void Engine::on_rekey_wanted(PeerId peer_id, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr) return;
  state_->update_timers(*peer);
  state_->initiate(*peer, Attempt::First, now, out);
  state_->reschedule(*peer);
}

void Engine::on_peer_restarted(PeerId peer_id, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr) return;
  state_->update_timers(*peer);
  const bool is_used = peer->timers.is_used(now);
  state_->erase_session(*peer);
  peer->timers.forget_session();
  peer->signer = MessageSigner(peer->public_key);  // the cookie was made with a secret that is gone
  peer->last_received_timestamp = {};
  peer->last_initiation_accepted.reset();
  peer->last_handshake_sent.reset();
  if (is_used) state_->initiate(*peer, Attempt::First, now, out);
  state_->reschedule(*peer);
}

void Engine::on_unknown_index(PeerId peer_id, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr) return;
  state_->update_timers(*peer);
  if (sending_keypair(*peer->data, now) == nullptr && !peer->timers.attempting()) {
    state_->initiate(*peer, Attempt::First, now, out);
    // Not repeated by itself: if it is lost, the peer's next packet asks again.
    peer->timers.give_up(now);
  }
  state_->reschedule(*peer);
}

void Engine::on_confirmed(PeerId peer_id,
                          std::uint32_t local_index,
                          TimePoint /*now*/,
                          Actions& out) {
  Peer* const peer = state_->find(peer_id);
  if (peer == nullptr || peer->next == nullptr || peer->next->local_index() != local_index) return;
  state_->update_timers(*peer);
  state_->drop_handshake(*peer);
  state_->confirm_next(*peer);
  state_->complete_handshake(*peer, out);
  out.emplace_back(FlushStaged{.peer = peer_id});
  state_->reschedule(*peer);
}

void Engine::on_roamed(PeerId peer_id, const UdpPath& from) {
  if (Peer* const peer = state_->find(peer_id)) state_->roam(*peer, from);
}

}  // namespace warren::wg
