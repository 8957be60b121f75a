#include <algorithm>
#include <utility>

#include "path/engine_state.h"
#include "proto/disco/frame.h"
#include "proto/stun/binding.h"

// What comes in: STUN answers and disco messages (spec: paths sections 3.1, 4.3).
namespace warren::path {

void Engine::on_stun(ByteView datagram, const UdpPath& /*from*/, TimePoint now, Actions& out) {
  const auto answer = stun::decode_binding_success(datagram);
  if (!answer) {
    ++state_->counters.malformed;
    return;
  }
  bool news = false;
  if (!state_->netcheck.on_answer(*answer, news, now)) {
    ++state_->counters.unknown_answer;
    return;
  }
  state_->on_observed(news, now, out);
  state_->finish_report(now, out);
}

std::optional<Engine::State::Opened> Engine::State::open(ByteView datagram,
                                                         std::vector<std::uint8_t>& plaintext) {
  const auto frame = disco::decode_frame(datagram);
  if (!frame) {
    ++counters.malformed;
    return std::nullopt;
  }
  // Before any cryptography: strangers cost us a lookup.
  const std::vector<Peer*>* const senders = find(frame->sender);
  if (senders == nullptr) {
    ++counters.unknown_sender;
    return std::nullopt;
  }
  const BoxKey* const key = box(*senders->front());
  plaintext.resize(frame->box.size() - kBoxOverhead);
  if (key == nullptr || !key->open(plaintext, frame->nonce, frame->box)) {
    ++counters.not_authentic;
    return std::nullopt;
  }
  const auto decoded = disco::decode_message(plaintext);
  if (!decoded) {
    ++counters.malformed;
    return std::nullopt;
  }
  return Opened{.senders = senders, .message = *decoded};
}

void Engine::on_disco(ByteView datagram, const UdpPath& from, TimePoint now, Actions& out) {
  std::vector<std::uint8_t> plaintext;
  const auto opened = state_->open(datagram, plaintext);
  if (!opened) return;
  const std::vector<Peer*>& senders = *opened->senders;
  if (const auto* const ping = std::get_if<disco::Ping>(&opened->message)) {
    // Which node it is, where several share the key (spec: paths section 4.4).
    const auto sender = std::ranges::find_if(senders, [&](const Peer* peer) {
      return ping->node_key ? peer->config.node_key == *ping->node_key : senders.size() == 1;
    });
    if (sender == senders.end()) {
      ++state_->counters.wrong_sender;
      return;
    }
    state_->on_ping(**sender, *ping, from, now, out);
    state_->finish(**sender, now, out);
  } else if (const auto* const pong = std::get_if<disco::Pong>(&opened->message)) {
    for (Peer* const peer : senders) {
      const auto sent = peer->pings.take(pong->transaction);
      if (!sent || now - sent->sent > kPingTimeout) continue;
      state_->on_pong(*peer, *sent, *pong, from, now, out);
      state_->finish(*peer, now, out);
      return;
    }
    ++state_->counters.unknown_answer;
  } else {
    ++state_->counters.wrong_sender;  // a call-me-maybe comes through the relay only
  }
}

void Engine::on_relayed_disco(ByteView datagram,
                              const relay::Route& from,
                              TimePoint now,
                              Actions& out) {
  std::vector<std::uint8_t> plaintext;
  const auto opened = state_->open(datagram, plaintext);
  if (!opened) return;
  const std::vector<Peer*>& senders = *opened->senders;
  // The relay vouches for the node key; the disco key must be that node's.
  const auto sender =
      std::ranges::find(senders, from.peer, [](const Peer* peer) { return peer->config.node_key; });
  if (sender == senders.end()) {
    ++state_->counters.wrong_sender;
    return;
  }
  Peer& peer = **sender;
  peer.learned = from.region;
  if (peer.gone_backoff > Duration::zero()) {
    // It was not there, so it has not heard us.
    peer.gone_backoff = {};
    peer.next_call = peer.is_active(now) && peer.state != PathState::Direct ? now : kNever;
  }
  state_->repeat_initiation(peer, now, out);
  if (const auto* const ping = std::get_if<disco::Ping>(&opened->message)) {
    ++state_->counters.pings_received;
    if (!peer.ping_limit.take(kPingLimitInterval, kPingLimitBurst, now)) {
      ++state_->counters.rate_limited;
      return;
    }
    // The peer's user pings through the relay: it is answered there, and proves no path.
    ++state_->counters.pongs_sent;
    out.emplace_back(SendRelay{
        .to = from,
        .datagram = state_->seal(
            peer, disco::encode(disco::Pong{
                      .transaction = ping->transaction,
                      // What stands for "by this relay" in an address (spec: paths section 0.2).
                      .source = {.address = IpAddress::v4({127, 3, 3, 40}),
                                 .port = from.region.value}}))});
  } else if (const auto* const call = std::get_if<disco::CallMeMaybe>(&opened->message)) {
    state_->on_call(peer, *call, now, out);
  } else {
    state_->on_relayed_pong(peer, std::get<disco::Pong>(opened->message), from.region, now, out);
  }
  state_->finish(peer, now, out);
}

void Engine::State::on_ping(
    Peer& peer, const disco::Ping& ping, const UdpPath& from, TimePoint now, Actions& out) {
  ++counters.pings_received;
  if (!peer.ping_limit.take(kPingLimitInterval, kPingLimitBurst, now)) {
    ++counters.rate_limited;
    return;
  }
  ++counters.pongs_sent;
  out.emplace_back(SendUdp{
      .to = from,
      .datagram = seal(peer, disco::encode(disco::Pong{.transaction = ping.transaction,
                                                       .source = {.address = from.remote.address,
                                                                  .port = from.remote.port}}))});
  // What pings us can be pinged: it has just opened the way (spec: paths section 9.6).
  Candidate* const candidate = peer.candidates.see(from, now);
  if (candidate == nullptr) return;
  if (!candidate->answered_within(kTrust, now) && candidate->last_ping <= now - kPingBack)
    this->ping(peer, *candidate, now, out);
  // The peer moved, perhaps: does its old address still answer?
  if (peer.best && *peer.best != from.remote && !peer.liveness.in_doubt(now)) {
    const Candidate* const best = peer.candidates.find(*peer.best);
    if (best != nullptr && best->last_ping <= now - kPingBack) ping_best(peer, now, out);
  }
}

void Engine::State::on_pong(Peer& peer,
                            const SentPings::Ping& ping,
                            const disco::Pong& pong,
                            const UdpPath& from,
                            TimePoint now,
                            Actions& out) {
  ++counters.pongs_received;
  note_seen_as(pong.source, now, out);
  answer_requests(peer, ping.endpoint, ping.sent, now, out);
  Candidate* const candidate = peer.candidates.find(ping.endpoint);
  if (candidate == nullptr) return;  // nobody names it any more
  const Duration took = now - ping.sent;
  candidate->latency =
      candidate->last_pong == TimePoint::min() ? took : (candidate->latency * 7 + took) / 8;
  candidate->last_pong = now;
  candidate->local = from.source;
  if (peer.best == ping.endpoint) {
    peer.liveness.on_pong(took, now);
    return;
  }
  const Candidate* const best = peer.best ? peer.candidates.find(*peer.best) : nullptr;
  if (best == nullptr || peer.liveness.in_doubt(now) || is_better(*candidate, *best)) {
    peer.best = ping.endpoint;
    peer.liveness.install(candidate->latency, now);
  }
  repeat_initiation(peer, now, out);
}

void Engine::State::on_call(Peer& peer,
                            const disco::CallMeMaybe& call,
                            TimePoint now,
                            Actions& out) {
  ++counters.call_me_maybes_received;
  if (!peer.call_limit.take(kCallLimitInterval, kCallLimitBurst, now)) {
    ++counters.rate_limited;
    return;
  }
  std::vector<Endpoint> endpoints;
  for (std::size_t i = 0; i < std::min(call.size(), kMaxCalled); ++i) {
    const Endpoint endpoint = call.at(i);
    if (!endpoint.address.is_link_local()) endpoints.push_back(endpoint);
  }
  peer.candidates.set_called(endpoints);
  peer.discovery.ping(relay_round_trip(), now);
  // The peer cannot reach us yet; perhaps it knows only old addresses of ours.
  const bool is_proven = peer.best && !peer.liveness.in_doubt(now);
  if (!is_proven && peer.last_call <= now - kCallAnswer) this->call(peer, now, out);
}

std::vector<std::uint8_t> Engine::State::seal(Peer& peer, ByteView payload) const {
  const BoxKey* const key = box(peer);
  WARREN_CHECK(key != nullptr);  // callers have asked
  std::array<std::uint8_t, kBoxNonceSize> nonce{};
  random.fill(nonce);
  std::vector<std::uint8_t> out(payload.size() + disco::kFrameOverhead);
  disco::seal_frame(out, disco_public, nonce, *key, payload);
  return out;
}

}  // namespace warren::path
