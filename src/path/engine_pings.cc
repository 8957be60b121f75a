#include <algorithm>

#include "path/engine_state.h"
#include "proto/disco/messages.h"

// Pings that somebody asked for, who wants to know whether the peer is there, and which way.
namespace warren::path {

Result<void, PingRefusal> Engine::ping(PeerId id,
                                       std::uint64_t token,
                                       TimePoint now,
                                       Actions& out) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr) return unexpected(PingRefusal::UnknownPeer);
  if (state_->box(*peer) == nullptr) return unexpected(PingRefusal::NoDisco);
  if (state_->requested_pings.size() == kMaxRequestedPings) return unexpected(PingRefusal::TooMany);

  State::RequestedPing request{.token = token, .peer = id, .asked = now, .relayed = std::nullopt};
  state_->note_sent(*peer, now, now);
  if (peer->best && !peer->liveness.in_doubt(now)) {
    state_->ping_best(*peer, now, out);
  } else {
    request.relayed = state_->ping_by_relay(*peer, out);
    if (peer->discovery.began() + kSearchAnew <= now) state_->start_discovery(*peer, now);
    state_->ping_all(*peer, now);
  }
  state_->requested_pings.push_back(request);
  state_->finish(*peer, now, out);
  return {};
}

void Engine::cancel_ping(std::uint64_t token) {
  std::erase_if(state_->requested_pings,
                [&](const State::RequestedPing& ping) { return ping.token == token; });
}

std::optional<disco::TransactionId> Engine::State::ping_by_relay(Peer& peer, Actions& out) {
  const auto to = route(peer);
  if (!to) return std::nullopt;
  disco::Ping message{.transaction = {}, .node_key = node_key, .padding = 0};
  random.fill(message.transaction);
  ++counters.pings_sent;
  out.emplace_back(SendRelay{.to = *to, .datagram = seal(peer, disco::encode(message))});
  return message.transaction;
}

void Engine::State::answer_requests(
    const Peer& peer, const Endpoint& endpoint, TimePoint sent, TimePoint now, Actions& out) {
  std::erase_if(requested_pings, [&](const RequestedPing& ping) {
    if (ping.peer != peer.id || ping.asked > sent) return false;
    out.emplace_back(PingAnswered{
        .token = ping.token,
        .answer = {.latency = now - sent, .endpoint = endpoint, .region = relay::kNoRegion}});
    return true;
  });
}

// It says that the peer is there, and proves no path.
void Engine::State::on_relayed_pong(const Peer& peer,
                                    const disco::Pong& pong,
                                    relay::RegionId region,
                                    TimePoint now,
                                    Actions& out) {
  const auto found = std::ranges::find_if(requested_pings, [&](const RequestedPing& ping) {
    return ping.peer == peer.id && ping.relayed == pong.transaction;
  });
  if (found == requested_pings.end()) {
    ++counters.unknown_answer;
    return;
  }
  ++counters.pongs_received;
  out.emplace_back(PingAnswered{
      .token = found->token,
      .answer = {.latency = now - found->asked, .endpoint = std::nullopt, .region = region}});
  requested_pings.erase(found);
}

}  // namespace warren::path
