#include <utility>

#include "wg/constants.h"
#include "wg/engine_state.h"
#include "wg/relayed_source.h"

namespace warren::wg {

namespace {

std::unique_ptr<Keypair> make_keypair(Keypair::Params params, TransportKeys keys) {
  SymmetricKey& send = params.is_initiator ? keys.from_initiator : keys.from_responder;
  SymmetricKey& receive = params.is_initiator ? keys.from_responder : keys.from_initiator;
  return std::make_unique<Keypair>(params, std::move(send), std::move(receive));
}

// Encoded, with its macs.
template <class Message>
MessageBytes sign(Peer& peer, const Message& message, TimePoint now) {
  auto bytes = wireguard::encode(message);
  peer.signer.sign(bytes, now);
  return MessageBytes(bytes);
}

}  // namespace

void Engine::on_handshake_message(
    ByteView datagram, const UdpPath& from, std::size_t waiting, TimePoint now, Actions& out) {
  const bool is_under_load = state_->note_load(waiting, now);
  const auto type = wireguard::classify(datagram);
  if (!type || *type == wireguard::MessageType::Data) {
    ++state_->counters.malformed;
    return;
  }
  if (*type == wireguard::MessageType::CookieReply) {
    state_->on_cookie_reply(datagram, now);
    return;
  }
  // Both begin with the type and the sender's index.
  const auto sender = load_le<std::uint32_t>(datagram.data() + 4);
  if (!state_->admit(datagram, sender, from, is_under_load, now, out)) return;
  if (*type == wireguard::MessageType::Initiation) {
    state_->on_initiation(datagram, from, now, out);
  } else {
    state_->on_response(datagram, from, now, out);
  }
}

bool Engine::State::note_load(std::size_t waiting, TimePoint now) {
  if (waiting >= kUnderLoadQueue) last_overload = now;
  return last_overload && now - *last_overload <= kUnderLoadHold;
}

bool Engine::State::admit(ByteView datagram,
                          std::uint32_t sender,
                          const UdpPath& from,
                          bool is_under_load,
                          TimePoint now,
                          Actions& out) {
  if (private_key.is_zero() || !mac1_is_valid(cookies.mac1_key(), datagram)) {
    ++counters.bad_mac1;
    return false;
  }
  // The relay knows who sends, so the rate of each sender is limited at all times.
  const bool is_relayed = path_mode == PathMode::Managed && is_relayed_source(from.remote.address);
  if (!is_under_load && !is_relayed) return true;
  if (is_under_load && !cookies.mac2_is_valid(datagram, from.remote, now)) {
    ++counters.cookie_sent;
    const auto reply = wireguard::encode(cookies.reply(datagram, sender, from.remote, now));
    out.emplace_back(SendMessage{.peer = std::nullopt, .to = from, .message = MessageBytes(reply)});
    return false;
  }
  if (!limiter.allow(from.remote.address, now)) {
    ++counters.rate_limited;
    return false;
  }
  return true;
}

void Engine::State::on_initiation(ByteView datagram,
                                  const UdpPath& from,
                                  TimePoint now,
                                  Actions& out) {
  const auto message = wireguard::decode_initiation(datagram);
  if (!message) {
    ++counters.malformed;
    return;
  }
  auto opened = open_initiation(*message, private_key, public_key);
  if (!opened) {
    ++counters.not_authentic;
    return;
  }
  const auto found = by_key.find(opened->initiator);
  if (found == by_key.end() || !found->second->can_talk || !may_come_from(*found->second, from)) {
    ++counters.unknown_peer;
    return;
  }
  Peer& peer = *found->second;
  const auto timestamp = open_timestamp(*opened, *message, peer.static_static);
  if (!timestamp) {
    ++counters.not_authentic;
    return;
  }
  if (!is_fresh(peer, *timestamp, now)) return;
  peer.last_received_timestamp = *timestamp;
  peer.last_initiation_accepted = now;
  update_timers(peer);
  note_origin(peer, from, now);
  // An initiation of ours stays: when both begin at once, both are answered, and neither has to
  // wait for a retry, whatever the other does with its own.
  peer.timers.on_handshake_received(now);
  answer(peer, *opened, now, out);
  reschedule(peer);
}

bool Engine::State::is_fresh(const Peer& peer, const Tai64n& timestamp, TimePoint now) {
  if (timestamp <= peer.last_received_timestamp) {
    ++counters.replayed_initiation;
    return false;
  }
  if (peer.last_initiation_accepted && now - *peer.last_initiation_accepted <= kInitiationSpacing) {
    ++counters.initiation_flood;
    return false;
  }
  return true;
}

void Engine::State::answer(Peer& peer,
                           const OpenedInitiation& opened,
                           TimePoint now,
                           Actions& out) {
  const std::uint32_t local_index = unused_index();
  auto created = create_response(opened, local_index, peer.preshared_key, random);
  if (!created) {
    ++counters.not_authentic;
    return;
  }
  install_as_responder(peer, make_keypair({.peer = peer.data.get(),
                                           .local_index = local_index,
                                           .remote_index = opened.remote_index,
                                           .is_initiator = false,
                                           .created = now,
                                           .renew_after = kRekeyAfterTime},
                                          std::move(created->keys)));
  peer.last_handshake_sent = now;
  peer.timers.on_response_sent(now);
  peer.timers.on_session_derived(now);
  send(peer, sign(peer, created->message, now), out);
}

void Engine::State::on_response(ByteView datagram,
                                const UdpPath& from,
                                TimePoint now,
                                Actions& out) {
  const auto message = wireguard::decode_response(datagram);
  if (!message) {
    ++counters.malformed;
    return;
  }
  const auto found = handshakes.find(message->receiver);
  if (found == handshakes.end()) {
    ++counters.unknown_index;
    return;
  }
  Peer& peer = *found->second;
  WARREN_CHECK(peer.handshake.has_value());  // or its index would not be in the table
  if (!may_come_from(peer, from)) {
    ++counters.unknown_peer;
    return;
  }
  auto keys = consume_response(*peer.handshake, *message, private_key, peer.preshared_key);
  if (!keys) {
    ++counters.not_authentic;
    return;
  }
  drop_handshake(peer);
  update_timers(peer);
  note_origin(peer, from, now);
  // Both began at once: one of the two lets the other renew, or they would for ever.
  const bool yields = peer.next != nullptr && public_key < peer.public_key;
  install_as_initiator(
      peer,
      make_keypair({.peer = peer.data.get(),
                    .local_index = message->receiver,
                    .remote_index = message->sender,
                    .is_initiator = true,
                    .created = now,
                    .renew_after = kRekeyAfterTime + (yields ? kRekeyTimeout : Duration::zero())},
                   std::move(*keys)));
  peer.timers.on_handshake_received(now);
  peer.timers.on_session_derived(now);
  complete_handshake(peer, out);
  out.emplace_back(FlushStaged{.peer = peer.id, .or_keepalive = true});
  reschedule(peer);
}

// It is kept for the next initiation or response: answering at once would help who forges them.
void Engine::State::on_cookie_reply(ByteView datagram, TimePoint now) {
  const auto message = wireguard::decode_cookie_reply(datagram);
  if (!message) {
    ++counters.malformed;
    return;
  }
  // The answer to an initiation of ours, or to a response, whose index is a keypair's by now.
  Peer* peer = nullptr;
  if (const auto found = handshakes.find(message->receiver); found != handshakes.end()) {
    peer = found->second;
  } else if (const Keypair* const keypair = index_table.find(message->receiver)) {
    peer = find(keypair->peer().id);
  }
  if (peer == nullptr) {
    ++counters.unknown_index;
  } else if (!peer->signer.take(*message, now)) {
    ++counters.not_authentic;
  }
}

void Engine::State::initiate(Peer& peer, Attempt attempt, TimePoint now, Actions& out) {
  if (!peer.can_talk) return;
  if (attempt == Attempt::First) peer.timers.begin_attempts();
  if (peer.last_handshake_sent && now - *peer.last_handshake_sent < kRekeyTimeout) {
    peer.timers.delay_initiation(*peer.last_handshake_sent + kRekeyTimeout);
    return;
  }
  peer.last_handshake_sent = now;
  peer.timers.on_initiation_sent(now);
  drop_handshake(peer);
  // One of the retries may find an endpoint.
  if (peer.roams() && peer.path == nullptr) return;

  peer.last_sent_timestamp = next_tai64n(wall_clock.now(), peer.last_sent_timestamp);
  auto created = create_initiation({.own_private = private_key,
                                    .own_public = public_key,
                                    .peer = peer.public_key,
                                    .static_static = peer.static_static},
                                   unused_index(), peer.last_sent_timestamp, random);
  if (!created) return;  // the peer's key is a valid point, or can_talk would be false
  send(peer, sign(peer, created->message, now), out);
  peer.handshake = std::move(created->pending);
  handshakes.emplace(peer.handshake->local_index, &peer);
}

void Engine::State::complete_handshake(Peer& peer, Actions& out) {
  peer.timers.on_handshake_complete();
  peer.last_handshake = wall_clock.now();
  ++counters.handshakes_completed;
  out.emplace_back(HandshakeCompleted{peer.id});
}

bool Engine::State::may_come_from(const Peer& peer, const UdpPath& from) const {
  const bool is_relayed = path_mode == PathMode::Managed && is_relayed_source(from.remote.address);
  return !is_relayed || !peer.roams();
}

// To the manager of paths an authentic handshake message is a proof like a packet.
void Engine::State::note_origin(Peer& peer, const UdpPath& from, TimePoint now) {
  roam(peer, from);
  if (peer.roams()) return;
  if (is_direct(*peer.data, from.remote)) peer.data->activity.direct_received.set(now);
  peer.data->activity.authenticated_received.set(now);
}

void Engine::State::send(Peer& peer, const MessageBytes& message, Actions& out) const {
  SendMessage action{.peer = peer.id, .to = std::nullopt, .message = message};
  if (peer.roams()) action.to = *direct_path(peer);
  out.emplace_back(action);
}

void Engine::State::drop_handshake(Peer& peer) {
  if (!peer.handshake) return;
  handshakes.erase(peer.handshake->local_index);
  peer.handshake.reset();
}

std::uint32_t Engine::State::unused_index() {
  for (;;) {
    const std::uint32_t index = random.u32();
    if (!handshakes.contains(index) && index_table.find(index) == nullptr) return index;
  }
}

}  // namespace warren::wg
