#pragma once

#include <map>
#include <memory>
#include <vector>

#include "sim/network.h"
#include "sim/packet.h"
#include "sim/wg_host.h"

namespace warren::sim {

// Two WireGuard hosts that know each other, and what arrives at them.
class WgPair {
 public:
  // One of the two.
  struct Side final : WgObserver {
    void on_delivered(wg::PeerId peer, ByteView packet) override;

    NodePrivateKey key;
    IpAddress address;  // inside the tunnel
    Endpoint endpoint;
    std::unique_ptr<WgHost> host;
    wg::PeerId peer;
    std::vector<std::uint64_t> delivered;  // ids of packets, as they came
  };

  explicit WgPair(std::uint64_t seed, const LinkQuality& quality = kUsualQuality);

  // Sends one packet and returns its id.
  std::uint64_t send(Side& from);
  // One packet of each side every `interval`.
  void talk(Duration time, Duration interval);
  // The host loses all it knew and begins again with the same configuration.
  void restart(Side& side);

  Side& other(const Side& side) { return &side == &a ? b : a; }

  VirtualTime time;
  Network network;
  std::vector<Datagram> sent;  // all datagrams so far
  Side a;
  Side b;

 private:
  std::uint64_t seed_;
  std::uint64_t next_id_ = 1;
};

}  // namespace warren::sim
