#include "path/testing/pair.h"

#include <algorithm>
#include <utility>

#include "proto/disco/frame.h"
#include "proto/stun/binding.h"

namespace warren::path::testing {

namespace {

const Endpoint kStunServer{.address = IpAddress::v4({203, 0, 113, 1}), .port = 3478};
constexpr std::uint8_t kData = 4;  // stands for a WireGuard data packet

}  // namespace

Pair::Pair() {
  relay::Region region;
  region.id = kRegion;
  relay::Node node;
  node.name = "relay";
  node.ipv4 = kStunServer.address.to_string();
  region.nodes.push_back(node);
  map->regions.push_back(region);

  std::uint8_t number = 1;
  for (Side* const side : {&a, &b}) {
    const auto node_key = NodePrivateKey::generate(side->random);
    auto disco_key = DiscoPrivateKey::generate(side->random);
    side->node_key = node_key.public_key();
    side->disco_key = disco_key.public_key();
    side->endpoint = {.address = IpAddress::v4({192, 0, 2, number++}), .port = 41641};
    side->engine.set_keys(side->node_key, std::move(disco_key));
    side->paths.emplace_back();
  }
}

void Pair::introduce() {
  for (Side* const side : {&a, &b}) {
    side->engine.set_relay_map(map, now, side->actions);
    side->engine.on_network({.addresses = {{.address = side->endpoint.address, .interface = 2}},
                             .default_v4 = 2,
                             .default_v6 = 0,
                             .port_v4 = side->endpoint.port,
                             .port_v6 = 0},
                            now, side->actions);
    side->engine.set_peer(side->peer,
                          {.node_key = other(*side).node_key,
                           .disco_key = other(*side).disco_key,
                           .endpoints = {},
                           .home = kRegion},
                          now, side->actions);
    side->engine.on_relay_up(kRegion, now, side->actions);
    perform(*side);
  }
}

void Pair::at(TimePoint when, std::function<void()> event) {
  events_.emplace(when, std::move(event));
}

void Pair::run_for(Duration time) {
  const TimePoint until = now + time;
  while (true) {
    TimePoint next = events_.empty() ? kNever : events_.begin()->first;
    next = std::min({next, a.engine.next_timeout(), b.engine.next_timeout()});
    if (next > until) break;
    now = std::max(now, next);
    if (!events_.empty() && events_.begin()->first <= now) {
      const auto event = std::move(events_.extract(events_.begin()).mapped());
      event();
    }
    for (Side* const side : {&a, &b}) {
      side->engine.on_timeout(now, side->actions);
      perform(*side);
    }
  }
  now = until;
}

void Pair::perform(Side& side) {
  for (const Action& action : std::exchange(side.actions, {})) {
    if (const auto* const udp = std::get_if<SendUdp>(&action)) {
      send_udp(side, udp->to, udp->datagram);
    } else if (const auto* const relayed = std::get_if<SendRelay>(&action)) {
      send_relay(side, relayed->to, relayed->datagram);
    } else if (const auto* const path = std::get_if<SetPath>(&action)) {
      side.paths.push_back(path->path);
    } else if (const auto* const answer = std::get_if<PingAnswered>(&action)) {
      side.answers.push_back(*answer);
    }
  }
}

void Pair::send_udp(Side& from, const UdpPath& to, std::vector<std::uint8_t> datagram) {
  ++from.udp_sent;
  if (!passes_udp(from, datagram)) return;
  if (to.remote == kStunServer) {
    const auto request = stun::decode_binding_request(datagram);
    if (!request) return;
    at(now + 2 * kOneWay, [this, &from, transaction = *request] {
      std::array<std::uint8_t, stun::kMaxBindingSuccessSize> answer{};
      const std::size_t size = stun::encode_binding_success(
          answer, {.transaction = transaction, .mapped = from.endpoint});
      from.engine.on_stun(ByteView(answer).first(size),
                          {.remote = kStunServer, .source = std::nullopt}, now, from.actions);
      perform(from);
    });
    return;
  }
  Side& target = other(from);
  if (to.remote != target.endpoint) return;
  const UdpPath source{.remote = from.endpoint, .source = std::nullopt};
  at(now + kOneWay, [this, &target, source, datagram = std::move(datagram)] {
    if (disco::looks_like_frame(datagram)) {
      target.engine.on_disco(datagram, source, now, target.actions);
      perform(target);
    } else if (datagram.at(0) == kData) {
      const auto& direct = path(target).direct;
      receive_data(target, direct && direct->remote == source.remote);
    } else {
      target.received.emplace_back(now, datagram);
    }
  });
}

void Pair::send_relay(Side& from, const relay::Route& to, std::vector<std::uint8_t> datagram) {
  ++from.relayed;
  Side& target = other(from);
  if (!relay_works || to.peer != target.node_key) return;
  at(now + kByRelay, [this, &from, &target, region = to.region, datagram = std::move(datagram)] {
    const relay::Route source{.region = region, .peer = from.node_key};
    target.engine.on_relayed(target.peer, region, now, target.actions);
    if (disco::looks_like_frame(datagram)) {
      target.engine.on_relayed_disco(datagram, source, now, target.actions);
    } else if (datagram.at(0) == kData) {
      receive_data(target, false);
    } else {
      target.received.emplace_back(now, datagram);
    }
    perform(target);
  });
}

void Pair::send_data(Side& from) {
  const wg::PeerPath where = path(from);
  const std::vector<std::uint8_t> packet(100, kData);
  from.activity.authenticated_sent.set(now);
  from.engine.on_activity(from.peer, from.activity, now, from.actions);
  perform(from);
  if (where.direct) send_udp(from, *where.direct, packet);
  if (where.relay) send_relay(from, *where.relay, packet);
}

void Pair::receive_data(Side& side, bool over_direct_path) {
  side.received.emplace_back(now, std::vector<std::uint8_t>{kData});
  side.activity.authenticated_received.set(now);
  if (over_direct_path) side.activity.direct_received.set(now);
  side.engine.on_activity(side.peer, side.activity, now, side.actions);
  perform(side);
}

void Pair::talk(Side& side) {
  send_data(side);
}

void Pair::talk_for(Duration time, Duration interval) {
  for (const TimePoint until = now + time; now < until;) {
    send_data(a);
    send_data(b);
    run_for(interval);
  }
}

}  // namespace warren::path::testing
