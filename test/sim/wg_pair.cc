#include "sim/wg_pair.h"

namespace warren::sim {

void WgPair::Side::on_delivered(wg::PeerId /*peer*/, ByteView packet) {
  delivered.push_back(packet_id(packet));
}

WgPair::WgPair(std::uint64_t seed, const LinkQuality& quality)
    : network(time, seed), seed_(seed * 1000) {
  network.set_quality(quality);
  network.set_tap([this](const Datagram& datagram) { sent.push_back(datagram); });
  SeededRandom random(seed);
  a.address = IpAddress::v4({10, 0, 0, 1});
  a.endpoint = {.address = IpAddress::v4({192, 0, 2, 1}), .port = 51820};
  b.address = IpAddress::v4({10, 0, 0, 2});
  b.endpoint = {.address = IpAddress::v4({192, 0, 2, 2}), .port = 51820};
  for (Side* const side : {&a, &b}) side->key = NodePrivateKey::generate(random);
  for (Side* const side : {&a, &b}) restart(*side);
}

std::uint64_t WgPair::send(Side& from) {
  const std::uint64_t id = next_id_++;
  from.host->send_packet(make_packet(from.address, other(from).address, id));
  return id;
}

void WgPair::talk(Duration duration, Duration interval) {
  for (const TimePoint end = time.now() + duration; time.now() < end; time.run_for(interval)) {
    send(a);
    send(b);
  }
}

void WgPair::restart(Side& side) {
  const Side& peer = other(side);
  side.host.reset();
  side.host = std::make_unique<WgHost>(network, &side == &a ? "a" : "b", side.endpoint, ++seed_);
  side.host->set_observer(&side);
  side.host->configure([&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
    engine.set_private_key(side.key.clone(), now, out);
    side.peer = engine.add_peer(peer.key.public_key()).value();
    engine.set_endpoint(side.peer, peer.endpoint);
    engine.add_allowed_ip(side.peer, IpPrefix(peer.address, 32));
  });
}

}  // namespace warren::sim
