#pragma once

#include <array>
#include <memory>

#include "tunnel/testing/mesh_pair.h"

// A hub with two stock WireGuard devices and two mesh nodes, in one thread and virtual time. What
// is behind the hub's peers is plain WireGuard: who is a mesh node is the hub's business.
namespace warren::tunnel::testing {

struct Hub {
  Hub() {
    hub.control.configure(
        [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
          engine.set_private_key(hub.private_key.clone(), now, out);
          for (Side* const side : {&phone, &tablet}) {
            side->peer = add(engine, *side, wg::PathMode::Roaming);
          }
          for (Side* const side : {&laptop, &desktop}) {
            side->peer = add(engine, *side, wg::PathMode::Managed);
          }
        },
        clock.now());
    // They prove no paths: so the address that they are said to have is theirs.
    hub.control.tell_paths(
        [&](Paths& paths) {
          for (const Side* const side : {&laptop, &desktop}) {
            paths.set_peer(side->peer,
                           {.node_key = side->private_key.public_key(),
                            .disco_key = {},
                            .endpoints = {*Endpoint::parse(side->address)},
                            .home = {}},
                           clock.now());
          }
        },
        clock.now());
    hub.control.set_forwarding(true);
    for (Side* const side : leaves()) {
      side->control.configure(
          [&](wg::Engine& engine, TimePoint now, wg::Actions& out) {
            engine.set_private_key(side->private_key.clone(), now, out);
            const wg::PeerId peer = *engine.add_peer(hub.private_key.public_key());
            engine.add_allowed_ip(peer, *IpPrefix::parse("10.0.0.0/8"));
            engine.set_endpoint(peer, *Endpoint::parse(hub.address));
          },
          clock.now());
    }
  }

  std::array<Side*, 4> leaves() { return {&phone, &tablet, &laptop, &desktop}; }

  // Rounds until nothing moves any more, at this moment of virtual time.
  void settle() {
    for (int quiet = 0; quiet < 3;) {
      bool busy = false;
      for (Side* const side : {&hub, &phone, &tablet, &laptop, &desktop}) {
        busy |= side->worker->round();
        side->control.on_worker(clock.now());
        if (side->control.next_timeout(clock.now()) <= clock.now())
          side->control.on_timeout(clock.now());
        busy |= side->control.link().commands.size() > 0;
      }
      quiet = busy ? 0 : quiet + 1;
    }
  }

  // All have a session with the hub, and nothing is on the devices.
  void connect() {
    for (Side* const side : leaves()) side->tun.put(udp_packet(*side, hub, 1));
    settle();
    for (Side* const side : {&hub, &phone, &tablet, &laptop, &desktop}) side->tun.discard();
  }

  // How many packets, or super-packets, came through.
  std::size_t send(Side& from, Side& to, const std::vector<std::uint8_t>& packet) {
    from.tun.put(packet);
    settle();
    return to.tun.discard();
  }

  std::uint64_t count(Counter counter) const {
    CounterSnapshot sum;
    hub.counters.add_to(sum);
    return sum[counter];
  }

  FakeClock clock;
  FakeNetwork network;
  FakeRelay relay;
  Side hub{network, clock, "192.0.2.1", "10.0.0.1", 1, &relay};
  Side phone{network, clock, "192.0.2.2", "10.0.0.2", 2};
  Side tablet{network, clock, "192.0.2.3", "10.0.0.3", 3};
  Side laptop{network, clock, "192.0.2.4", "10.0.0.4", 4};
  Side desktop{network, clock, "192.0.2.5", "10.0.0.5", 5};

 private:
  static wg::PeerId add(wg::Engine& engine, const Side& side, wg::PathMode mode) {
    const wg::PeerId peer = *engine.add_peer(side.private_key.public_key(), mode);
    engine.add_allowed_ip(peer, IpPrefix(side.inner, 32));
    return peer;
  }
};

}  // namespace warren::tunnel::testing
