#include "sim/mesh_pair.h"

#include <algorithm>

#include "sim/mesh_node.h"
#include "sim/packet.h"
#include "sim/stock_node.h"

namespace warren::sim {

void MeshPair::Side::on_delivered(wg::PeerId /*peer*/, ByteView /*packet*/) {
  delivered.push_back(time->now());
}

MeshPair::MeshPair(
    std::uint64_t seed, const Site& site_a, const Site& site_b, Trace* trace, NodeKind kind_of_b)
    : internet(time, seed), relay_machine(internet, "relay"), random_(seed) {
  internet.set_trace(trace);
  random_.fill(relay_key_);
  relay_machine.attach(internet.root());
  b.kind = kind_of_b;
  int number = 1;
  for (Side* const side : {&a, &b}) {
    side->name = number == 1 ? "a" : "b";
    side->time = &time;
    side->address = IpAddress::v4({100, 64, 0, static_cast<std::uint8_t>(number)});
    random_.fill(side->node_key);
    random_.fill(side->disco_key);
    side->site = make_site(internet, number == 1 ? site_a : site_b, side->name, number);
    side->machine = std::make_unique<Machine>(internet, side->name);
    side->machine->attach(*side->site.home);
    ++number;
  }
  start_relay();
  start(a);
  start(b);
  introduce(a);
  introduce(b);
}

void MeshPair::start_relay() {
  relay = std::make_unique<RelayStation>(relay_machine, RelayPrivateKey(relay_key_), random_.u64());
  relay->admit({NodePrivateKey(a.node_key).public_key(), NodePrivateKey(b.node_key).public_key()});
  auto map = std::make_shared<relay::Map>();
  map->regions.push_back(relay->region(kRegion));
  map_ = std::move(map);
}

void MeshPair::start(Side& side) {
  OverlayNode::Config config{.name = side.name,
                             .node_key = NodePrivateKey(side.node_key),
                             .disco_key = DiscoPrivateKey(side.disco_key),
                             .address = side.address};
  const std::uint64_t seed = random_.u64();
  if (side.kind == NodeKind::Stock) {
    side.node = std::make_unique<StockNode>(*side.machine, std::move(config), seed);
  } else {
    side.node = std::make_unique<MeshNode>(*side.machine, std::move(config), seed);
  }
  side.node->set_observer(&side);
}

void MeshPair::introduce(Side& side) {
  const Side& peer = other(side);
  side.node->set_relay_map(map_);
  side.peer = side.node->add_peer({.node_key = NodePrivateKey(peer.node_key).public_key(),
                                   .disco_key = DiscoPrivateKey(peer.disco_key).public_key(),
                                   .endpoints = {},
                                   .home = kRegion},
                                  peer.address);
}

void MeshPair::restart(Side& side) {
  side.node.reset();
  side.machine->reset_streams();
  start(side);
  introduce(side);
}

void MeshPair::restart_anew(Side& side) {
  random_.fill(side.disco_key);
  restart(side);
}

void MeshPair::restart_relay() {
  relay.reset();
  start_relay();
}

void MeshPair::send(Side& side) {
  side.node->send_packet(make_packet(side.address, other(side).address, next_id_++));
}

void MeshPair::talk(Duration duration, Duration interval) {
  for (const TimePoint until = time.now() + duration; time.now() < until;) {
    send(a);
    send(b);
    time.run_for(interval);
  }
}

std::optional<Duration> MeshPair::time_to_direct(Duration limit, Duration interval) {
  const TimePoint start = time.now();
  while (time.now() - start <= limit) {
    if (both_direct()) return time.now() - start;
    talk(interval, interval);
  }
  return std::nullopt;
}

bool MeshPair::is_direct(const Side& side) const {
  return side.node->is_direct(side.peer);
}

Duration MeshPair::silence(const Side& side, TimePoint from) const {
  Duration longest{};
  TimePoint last = from;
  for (const TimePoint when : side.delivered) {
    if (when < from) continue;
    longest = std::max(longest, when - last);
    last = when;
  }
  return std::max(longest, time.now() - last);
}

}  // namespace warren::sim
