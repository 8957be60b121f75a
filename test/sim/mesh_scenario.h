#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "sim/mesh_pair.h"
#include "sim/trace.h"

namespace warren::sim {

// Two nodes of the mesh to whose world anything may happen: each step draws a disturbance from
// `choices` (a seed), lets the nodes live through it and, when it is over, expects that they talk
// again, and directly where their places allow it, without anybody restarting anything.
class MeshScenario {
 public:
  // `choices` and `trace` (may be null) outlive the scenario. b is of the kind `other`.
  MeshScenario(Random& choices, Trace* trace, NodeKind other = NodeKind::Ours);

  void step();

  // What went wrong first, as a sentence.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  MeshPair::Side& any_side() { return choices_.below(2) == 0 ? pair_->a : pair_->b; }

  Duration any_time(Duration longest);

  bool is_likely() { return choices_.below(2) == 0; }

  void note(std::string_view what) { pair_->internet.note("---", what); }

  void disturb();
  void change_address(MeshPair::Side& side);
  void change_place(MeshPair::Side& side);
  void reboot_router(MeshPair::Side& side);
  void change_public_address(MeshPair::Side& side);
  void restart_relay();
  void lose_relay();
  void lose_link(MeshPair::Side& side);
  void lose_uplink(MeshPair::Side& side);
  void block_udp(MeshPair::Side& side);
  void step_clock(MeshPair::Side& side);
  void sleep(MeshPair::Side& side);
  void restart_node(MeshPair::Side& side);
  void change_quality(MeshPair::Side& side);
  void be_idle();

  void settle();
  void check_bounds();
  void live_for(Duration time);  // talking or not
  Router* outer_nat(const MeshPair::Side& side) const;
  bool expects_direct() const;

  Random& choices_;
  std::unique_ptr<MeshPair> pair_;
  Site site_a_;
  Site site_b_;
  int next_number_ = 10;
  std::optional<std::string> violation_;
};

}  // namespace warren::sim
