#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "io/relay_port.h"
#include "proto/wireguard/messages.h"
#include "tunnel/testing/pair.h"

// Two tunnels that find their paths, and one relay between them, in one thread and virtual time.
namespace warren::tunnel::testing {

inline constexpr relay::RegionId kRegion{7};

// The relay client: what it is asked for is kept, the test carries it on.
class FakeRelay final : public io::RelayPort {
 public:
  void attach(Listener* listener, const io::EventFd* to_worker) override {
    listener_ = listener;
    to_worker_ = to_worker;
  }

  void set_map(std::shared_ptr<const relay::Map> /*map*/) override {}

  void set_home(relay::RegionId region) override { home = region; }

  void send(const relay::Route& to, ByteView datagram) override {
    sent.emplace_back(to, std::vector(datagram.begin(), datagram.end()));
  }

  void check(relay::RegionId region) override { checked.push_back(region); }

  void measure(relay::RegionId region) override { measured.push_back(region); }

  void on_network_change() override { ++network_changes; }

  io::RelayRings& rings() override { return rings_; }

  const io::EventFd& to_relay() const override { return to_relay_; }

  Listener* listener() const { return listener_; }

  relay::RegionId home;
  std::deque<std::pair<relay::Route, std::vector<std::uint8_t>>> sent;
  std::vector<relay::RegionId> checked;
  std::vector<relay::RegionId> measured;
  int network_changes = 0;

 private:
  Listener* listener_ = nullptr;
  const io::EventFd* to_worker_ = nullptr;
  io::RelayRings rings_;
  io::EventFd to_relay_ = *io::EventFd::create();
};

struct MeshPair {
  MeshPair() {
    relay::Map regions;
    regions.regions.push_back({.id = kRegion, .code = "r", .name = "r", .nodes = {}});
    map = std::make_shared<const relay::Map>(std::move(regions));
    for (Side* const side : {&a, &b}) {
      Side& peer = other(*side);
      side->meet(peer, clock.now());
      tell(*side, [&](Paths& paths) {
        paths.set_relay_map(map, clock.now());
        paths.on_relay_up(kRegion, clock.now());
        paths.set_peer(side->peer,
                       {.node_key = peer.private_key.public_key(),
                        .disco_key = Side::disco_key(&peer == &a ? 1 : 2).public_key(),
                        .endpoints = {},
                        .home = kRegion},
                       clock.now());
      });
    }
  }

  Side& other(const Side& side) { return &side == &a ? b : a; }

  FakeRelay& relay_of(const Side& side) { return &side == &a ? relay_a : relay_b; }

  void tell(Side& side, const std::function<void(Paths&)>& news) const {
    side.control.tell_paths(news, clock.now());
  }

  // From now on both probe for direct paths.
  void connect_to_network() {
    for (Side* const side : {&a, &b}) {
      tell(*side, [&](Paths& paths) {
        const auto own = Endpoint::parse(side->address).value();
        paths.on_network({.addresses = {{.address = own.address, .interface = 1}},
                          .default_v4 = 1,
                          .port_v4 = own.port},
                         clock.now());
      });
    }
  }

  // What `from` gave to the relay client arrives at the other. True when there was something.
  bool carry(Side& from) {
    const bool any = carry_data(from);
    return carry_messages(from) || any;
  }

  bool carry_messages(Side& from) {
    FakeRelay& relay = relay_of(from);
    const relay::Route source{.region = kRegion, .peer = from.private_key.public_key()};
    bool any = false;
    while (!relay.sent.empty()) {
      const auto [to, datagram] = std::exchange(relay.sent.front(), {});
      relay.sent.pop_front();
      any = true;
      if (relay_is_down) continue;
      if (wireguard::classify(datagram) == wireguard::MessageType::Data) {
        const std::lock_guard lock(from_control_mutex);
        from_control[&from == &a ? 0 : 1].push_back(datagram);
      } else {
        other(from).control.on_relayed(source, datagram, clock.now());
      }
    }
    return any;
  }

  // Only the ring: allocates nothing.
  bool carry_data(Side& from) {
    const relay::Route source{.region = kRegion, .peer = from.private_key.public_key()};
    io::DatagramRing& out = relay_of(from).rings().outbound;
    io::DatagramRing& in = relay_of(other(from)).rings().inbound;
    bool any = false;
    while (const auto entry = out.next()) {
      any = true;
      if (!relay_is_down) in.push(source, entry->datagram);
    }
    out.release();
    const std::lock_guard lock(from_control_mutex);
    auto& late = from_control[&from == &a ? 0 : 1];
    for (; !late.empty(); late.pop_front()) {
      any = true;
      if (!relay_is_down) in.push(source, late.front());
    }
    return any;
  }

  // Rounds until nothing moves any more, at this moment of virtual time.
  void settle() {
    for (int quiet = 0; quiet < 3;) {
      bool busy = false;
      for (Side* const side : {&a, &b}) {
        busy |= side->worker->round();
        side->control.on_worker(clock.now());
        if (side->control.next_timeout(clock.now()) <= clock.now())
          side->control.on_timeout(clock.now());
        busy |= side->control.link().commands.size() > 0;
        busy |= carry(*side);
      }
      quiet = busy ? 0 : quiet + 1;
    }
  }

  void run_for(Duration time) {
    const TimePoint end = clock.now() + time;
    settle();
    while (clock.now() < end) {
      TimePoint next = end;
      for (Side* const side : {&a, &b})
        next = std::min(next, side->control.next_timeout(clock.now()));
      clock.advance(std::max<Duration>(next - clock.now(), 1us));
      settle();
    }
  }

  // Publishes a path of a's by hand; the path engine, which knows no other, leaves it alone.
  void set_path(Side& side, const wg::PeerPath& path) const {
    side.control.configure([&](wg::Engine& engine, TimePoint /*now*/,
                               wg::Actions& /*out*/) { engine.set_path(side.peer, path); },
                           clock.now());
  }

  static UdpPath direct_to(const Side& side) {
    return {.remote = Endpoint::parse(side.address).value(), .source = std::nullopt};
  }

  static relay::Route relayed_to(const Side& side) {
    return {.region = kRegion, .peer = side.private_key.public_key()};
  }

  // Keys are in place, nothing is on the devices.
  void connect() {
    a.tun.put(udp_packet(a, b, 1));
    settle();
    a.tun.discard();
    b.tun.discard();
  }

  // A datagram from a's address to `to`.
  void inject(Side& to, std::span<const std::uint8_t> datagram) const {
    inject(to, a.udp->own(), datagram);
  }

  template <class Address>
  static void inject(Side& to, const Address& from, std::span<const std::uint8_t> datagram) {
    iovec part{const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    to.udp->push(from, message);
  }

  FakeClock clock;
  FakeNetwork network;
  FakeRelay relay_a;
  FakeRelay relay_b;
  Side a{network, clock, "192.0.2.1", "10.0.0.1", 1, &relay_a};
  Side b{network, clock, "192.0.2.2", "10.0.0.2", 2, &relay_b};
  std::shared_ptr<const relay::Map> map;
  bool relay_is_down = false;
  // Data that the controls of a and b gave to the relay client, for carry_data(): a ring has one
  // producer.
  std::mutex from_control_mutex;
  std::array<std::deque<std::vector<std::uint8_t>>, 2> from_control;
};

}  // namespace warren::tunnel::testing
