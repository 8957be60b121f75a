#pragma once

#include <string>

#include "crypto/packet_cipher.h"
#include "proto/ip/checksum.h"
#include "tunnel/control.h"
#include "tunnel/testing/fakes.h"
#include "tunnel/worker.h"

// Two complete packet paths, engine and worker, joined by the stand-ins of testing.h and run in one
// thread, round by round, in virtual time.
namespace warren::tunnel::testing {

struct Side {
  Side(FakeNetwork& network,
       const FakeClock& clock,
       const char* outer,
       const char* inner_address,
       std::uint8_t seed,
       io::RelayPort* relay = nullptr)  // null: plain WireGuard
      : random(seed),
        inner(*IpAddress::parse(inner_address)),
        udp(std::make_unique<FakeUdp>(network, outer, 51820)),
        slow_path(*Control::create(random, wall_clock, log, mesh_options(seed, relay))),
        network_(network),
        clock_(clock) {
    std::array<std::uint8_t, 32> key{};
    key.fill(seed);
    private_key = NodePrivateKey(key);
    is_mesh_ = relay != nullptr;
    control.set_local_addresses({inner}, {.tcp = true, .udp = true});
    use_port();
  }

  // Between peers that do not know each other's keys yet.
  void meet(const Side& other, TimePoint now) {
    control.configure(
        [&](wg::Engine& engine, TimePoint at, wg::Actions& out) {
          engine.set_private_key(private_key.clone(), at, out);
          peer = *engine.add_peer(other.private_key.public_key());
          engine.add_allowed_ip(peer, IpPrefix(other.inner, 32));
          if (!is_mesh_) engine.set_endpoint(peer, *Endpoint::parse(other.address));
        },
        now);
  }

  // As after a change of network: another address, the old socket gone.
  void move_to(const char* outer, std::uint16_t port) {
    worker.reset();
    udp = std::make_unique<FakeUdp>(network_, outer, port);
    use_port();
  }

  std::uint64_t drops(DropReason reason) const {
    CounterSnapshot sum;
    counters.add_to(sum);
    return sum[reason];
  }

  SeededRandom random;
  FakeWallClock wall_clock;
  Log log = Log::nowhere();
  NodePrivateKey private_key;
  IpAddress inner;
  std::string address;
  wg::PeerId peer;
  Counters counters;
  FakeTun tun;
  std::unique_ptr<FakeUdp> udp;
  std::unique_ptr<Control> slow_path;
  Control& control = *slow_path;
  std::unique_ptr<Worker> worker;

  static DiscoPrivateKey disco_key(std::uint8_t seed) {
    std::array<std::uint8_t, 32> key{};
    key.fill(static_cast<std::uint8_t>(seed + 100));
    return DiscoPrivateKey(key);
  }

 private:
  static std::optional<MeshOptions> mesh_options(std::uint8_t seed, io::RelayPort* relay) {
    if (relay == nullptr) return std::nullopt;
    return MeshOptions{.disco_key = disco_key(seed), .relay = relay};
  }

  void use_port() {
    const io::UdpPorts ports{.v4 = udp.get(), .v6 = nullptr};
    address = udp->address();
    control.set_ports(ports);
    worker = std::make_unique<Worker>(control.link(), tun, ports, true,
                                      *create_packet_cipher(CipherChoice::Auto), counters, clock_);
  }

  FakeNetwork& network_;
  const FakeClock& clock_;
  bool is_mesh_ = false;
};

struct Pair {
  Pair() {
    a.meet(b, clock.now());
    b.meet(a, clock.now());
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
      }
      quiet = busy ? 0 : quiet + 1;
    }
  }

  // With keys in place and nothing left on the devices.
  void connect();

  // A datagram from a's address to `to`.
  void inject(Side& to, std::span<const std::uint8_t> datagram) {
    iovec part{const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    to.udp->push(a.udp->own(), message);
    settle();
  }

  FakeClock clock;
  FakeNetwork network;
  Side a{network, clock, "192.0.2.1", "10.0.0.1", 1};
  Side b{network, clock, "192.0.2.2", "10.0.0.2", 2};
};

inline void put_ipv4(std::span<std::uint8_t> packet,
                     const Side& from,
                     const Side& to,
                     std::uint8_t protocol) {
  packet[0] = 0x45;
  store_be(&packet[2], static_cast<std::uint16_t>(packet.size()));
  packet[8] = 64;
  packet[9] = protocol;
  std::ranges::copy(from.inner.bytes(), packet.begin() + 12);
  std::ranges::copy(to.inner.bytes(), packet.begin() + 16);
  ip::Sum sum;
  sum.add(packet.first(20));
  store_be(&packet[10], sum.checksum());
}

// A virtio header of zeros and a UDP packet without checksum.
inline std::vector<std::uint8_t> udp_packet(const Side& from, const Side& to, std::size_t payload) {
  std::vector<std::uint8_t> out(10 + 28 + payload);
  const std::span packet = std::span(out).subspan(10);
  put_ipv4(packet, from, to, 17);
  store_be(&packet[20], std::uint16_t{1111});
  store_be(&packet[22], std::uint16_t{2222});
  store_be(&packet[24], static_cast<std::uint16_t>(8 + payload));
  return out;
}

// As the kernel gives a bulk TCP sender's data: one super-packet with a partial checksum.
inline std::vector<std::uint8_t> tcp_super_packet(const Side& from,
                                                  const Side& to,
                                                  std::size_t payload,
                                                  std::uint16_t segment) {
  std::vector<std::uint8_t> out(10 + 40 + payload);
  const virtio::NetHeader header{.flags = virtio::kNeedsChecksum,
                                 .gso_type = virtio::GsoType::TcpV4,
                                 .header_size = 40,
                                 .gso_size = segment,
                                 .checksum_start = 20,
                                 .checksum_offset = 16};
  virtio::encode_net_header(std::span(out).first<10>(), header);
  const std::span packet = std::span(out).subspan(10);
  put_ipv4(packet, from, to, 6);
  store_be(&packet[20], std::uint16_t{1111});
  store_be(&packet[22], std::uint16_t{2222});
  packet[32] = 5 << 4;
  packet[33] = 0x10;  // ACK
  for (std::size_t i = 0; i < payload; ++i) packet[40 + i] = static_cast<std::uint8_t>(i * 7);
  return out;
}

inline void Pair::connect() {
  a.tun.put(udp_packet(a, b, 1));
  settle();
  a.tun.discard();
  b.tun.discard();
}

}  // namespace warren::tunnel::testing
