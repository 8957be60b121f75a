#include <algorithm>
#include <utility>

#include "path/engine_state.h"

// Our own network: where we are seen, which relay is home, what changes (spec: paths sections 3,
// 5.2, 5.10).
namespace warren::path {

namespace {

// Everything of `old` is still there, and packets leave by the same interface.
bool has_only_more(const LocalNetwork& old, const LocalNetwork& now) {
  return old.default_v4 == now.default_v4 && old.default_v6 == now.default_v6 &&
         old.port_v4 == now.port_v4 && old.port_v6 == now.port_v6 &&
         std::ranges::all_of(old.addresses, [&](const InterfaceAddress& address) {
           return std::ranges::find(now.addresses, address) != now.addresses.end();
         });
}

std::vector<relay::RegionId> possible_homes(const relay::Map& map) {
  std::vector<relay::RegionId> out;
  for (const relay::Region& region : map.regions) {
    if (!region.no_measure_no_home) out.push_back(region.id);
  }
  return out;
}

}  // namespace

void Engine::set_relay_map(std::shared_ptr<const relay::Map> map, TimePoint now, Actions& out) {
  state_->map = std::move(map);
  state_->netcheck.set_map(state_->map);
  if (state_->map->find(state_->home) == nullptr) state_->home = relay::kNoRegion;
  if (state_->home == relay::kNoRegion) {
    // A choice of one needs no measurement.
    const auto eligible = possible_homes(*state_->map);
    if (eligible.size() == 1) state_->set_home(eligible.front(), out);
  }
  if (state_->started) state_->check_network(now);
  for (const auto& [id, peer] : state_->peers) {
    if (peer->is_active(now)) state_->finish(*peer, now, out);
  }
}

void Engine::on_network(const LocalNetwork& network, TimePoint now, Actions& out) {
  const bool is_first = !state_->started;
  const bool is_same = !is_first && has_only_more(state_->network, network);
  state_->started = true;
  state_->network = network;
  state_->own.set_network(network, is_same);
  state_->check_network(now);
  state_->publish_endpoints(now, out);
  if (!is_same) {
    state_->doubt_everything(now, out);
    return;
  }
  for (const auto& [id, peer] : state_->peers) {
    if (!peer->is_active(now) || peer->state == PathState::Direct) continue;
    state_->start_discovery(*peer, now);
    state_->finish(*peer, now, out);
  }
}

void Engine::on_wakeup(TimePoint now, Actions& out) {
  if (!state_->started) return;
  state_->own.set_network(state_->network, false);
  state_->check_network(now);
  state_->doubt_everything(now, out);
}

void Engine::State::doubt_everything(TimePoint now, Actions& out) {
  for (const auto& [id, peer] : peers) {
    peer->candidates.forget_proofs();
    // Not forgotten: it may work from here as well, and until that is known packets go both ways.
    if (peer->best) peer->liveness.doubt(now);
    if (peer->is_active(now)) start_discovery(*peer, now);
    finish(*peer, now, out);
  }
}

void Engine::State::check_network(TimePoint now) {
  netcheck.start(network, now);
  last_refresh = now;
  next_refresh = now + kStunIntervalMin + Duration(random.below(kStunIntervalSpread.count()));
  next_full_check = now + kFullReportInterval;
}

void Engine::State::refresh_endpoints(TimePoint now) {
  next_refresh = now + kStunIntervalMin + Duration(random.below(kStunIntervalSpread.count()));
  // One that runs will do.
  if (!started || netcheck.running() || last_refresh > now - kStunTries * kStunRetry) return;
  last_refresh = now;
  netcheck.refresh(network, home, now);
}

bool Engine::State::endpoints_are_fresh(TimePoint now) const {
  if (map->regions.empty()) return true;  // there is nobody to ask
  const auto last = own.last_observed();
  return last && now - *last <= kEndpointsFresh;
}

void Engine::State::note_seen_as(const Endpoint& endpoint, TimePoint now, Actions& out) {
  // Where the mapping depends on the destination, what one peer sees helps no other.
  if (last_report.mapping_varies_by_destination.value_or(false)) return;
  const bool is_local = std::ranges::any_of(network.addresses, [&](const InterfaceAddress& local) {
    return local.address == endpoint.address;
  });
  if (!is_local) on_observed(own.observe(endpoint, now), now, out);
}

void Engine::State::on_observed(bool news, TimePoint now, Actions& out) {
  if (news) {
    publish_endpoints(now, out);
    const std::vector<PeerId> waiting = waiting_for_stun;
    for (const PeerId id : waiting) {
      Peer* const peer = find(id);
      if (peer == nullptr || !peer->is_active(now) || peer->state == PathState::Direct) continue;
      call(*peer, now, out);
      finish(*peer, now, out);
    }
  }
  if (netcheck.running()) return;
  for (const PeerId id : std::exchange(waiting_for_stun, {})) {
    if (Peer* const peer = find(id)) peer->call_after_stun = false;
  }
}

void Engine::State::publish_endpoints(TimePoint now, Actions& out) {
  auto list = own.list(now);
  if (list == published_endpoints) return;
  published_endpoints = std::move(list);
  out.emplace_back(EndpointsChanged{published_endpoints});
}

void Engine::State::finish_report(TimePoint now, Actions& out) {
  auto report = netcheck.take_report(now);
  if (!report) return;
  report->home = home_choice.choose(
      *map, report->latencies, home,
      [this](relay::RegionId region) { return connected.contains(region); }, now);
  if (report->home == relay::kNoRegion) {
    // Nothing answered at all; a connection by TCP may still come about.
    const auto eligible = possible_homes(*map);
    if (!eligible.empty()) report->home = eligible[random.below(eligible.size())];
  }
  set_home(report->home, out);
  last_report = *report;
  out.emplace_back(ReportReady{std::move(*report)});
  on_observed(false, now, out);
}

void Engine::State::set_home(relay::RegionId region, Actions& out) {
  if (region == home) return;
  home = region;
  out.emplace_back(SetHome{region});
}

Duration Engine::State::relay_round_trip() const {
  // Ours to the relay, and the peer's guessed to be the same.
  const auto latency = netcheck.latency(home);
  return latency ? 2 * *latency : kRelayRoundTrip;
}

void Engine::on_relay_up(relay::RegionId region, TimePoint now, Actions& out) {
  if (state_->map->find(region) == nullptr) return;
  state_->connected.insert(region);
  for (const auto& [id, peer] : state_->peers) {
    const auto route = state_->route(*peer);
    if (!route || route->region != region) continue;
    if (peer->is_active(now) && peer->state != PathState::Direct) {
      state_->start_discovery(*peer, now);
      state_->repeat_initiation(*peer, now, out);
    }
    state_->finish(*peer, now, out);
  }
}

void Engine::on_relay_down(relay::RegionId region, TimePoint now, Actions& out) {
  state_->connected.erase(region);
  for (const auto& [id, peer] : state_->peers) {
    if (peer->learned == region) peer->learned = relay::kNoRegion;
    state_->finish(*peer, now, out);
  }
}

void Engine::on_relayed(PeerId id, relay::RegionId region, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(id);
  if (peer == nullptr) return;
  if (peer->best) peer->liveness.on_relayed(now);
  peer->learned = region;
  state_->finish(*peer, now, out);
}

void Engine::on_peer_gone(const relay::Route& gone, TimePoint now, Actions& out) {
  Peer* const peer = state_->find(gone.peer);
  if (peer == nullptr) return;
  if (peer->learned == gone.region) peer->learned = relay::kNoRegion;
  if (peer->is_active(now) && peer->state != PathState::Direct) {
    // It may be about to come: called again soon, and less and less often.
    peer->gone_backoff = std::clamp(peer->gone_backoff * 2, kGoneRetryMin, kGoneRetryMax);
    peer->next_call = now + peer->gone_backoff;
    peer->last_call = TimePoint::min();                                 // nobody heard it
    peer->repeats = peer->initiation.empty() ? 0 : kInitiationRepeats;  // that one was not heard
  }
  state_->finish(*peer, now, out);
}

void Engine::on_relay_measured(relay::RegionId region,
                               std::optional<Duration> latency,
                               TimePoint now,
                               Actions& out) {
  state_->netcheck.on_measured(region, latency);
  state_->finish_report(now, out);
}

}  // namespace warren::path
