#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/internet.h"
#include "sim/machine.h"
#include "sim/overlay_node.h"
#include "sim/relay_station.h"
#include "sim/site.h"
#include "sim/trace.h"
#include "sim/virtual_time.h"

namespace warren::sim {

enum class NodeKind : bool { Ours, Stock };

// Two nodes of the mesh, each in a place of its own, and a relay in the Internet.
class MeshPair {
 public:
  static constexpr relay::RegionId kRegion{1};

  // One of the two.
  struct Side final : WgObserver {
    void on_delivered(wg::PeerId peer, ByteView packet) override;

    std::string name;
    NodeKind kind = NodeKind::Ours;
    std::array<std::uint8_t, kKeySize> node_key{};
    std::array<std::uint8_t, kKeySize> disco_key{};
    IpAddress address;  // inside the overlay
    SiteRouters site;
    const VirtualTime* time = nullptr;
    std::unique_ptr<Machine> machine;
    std::unique_ptr<OverlayNode> node;
    wg::PeerId peer;                   // the other
    std::vector<TimePoint> delivered;  // when a packet of the other's application came
  };

  // `trace` may be null; else it outlives the pair.
  MeshPair(std::uint64_t seed,
           const Site& a,
           const Site& b,
           Trace* trace = nullptr,
           NodeKind kind_of_b = NodeKind::Ours);

  Side& other(const Side& side) { return &side == &a ? b : a; }

  // The side's application sends a packet.
  void send(Side& side);
  // Each application sends a packet every `interval`.
  void talk(Duration time, Duration interval = 100ms);
  // Talks until both have a direct path; how long it took, none: not within `limit`.
  std::optional<Duration> time_to_direct(Duration limit, Duration interval = 20ms);

  bool is_direct(const Side& side) const;

  bool both_direct() const { return is_direct(a) && is_direct(b); }

  // The longest time since `from` in which nothing of the other's came to the side.
  Duration silence(const Side& side, TimePoint from) const;

  // Kill -9, and a start with the same keys and configuration.
  void restart(Side& side);
  // Kill -9, and a start with another disco key, as every start has. The other learns of it when it
  // is introduced again.
  void restart_anew(Side& side);
  // Tells the side's node what is to be known of the other.
  void introduce(Side& side);
  void restart_relay();

  VirtualTime time;
  Internet internet;
  Machine relay_machine;
  Side a;
  Side b;
  std::unique_ptr<RelayStation> relay;

 private:
  void start(Side& side);
  void start_relay();

  SeededRandom random_;
  std::array<std::uint8_t, kKeySize> relay_key_{};
  std::shared_ptr<const relay::Map> map_;
  std::uint64_t next_id_ = 1;
};

}  // namespace warren::sim
