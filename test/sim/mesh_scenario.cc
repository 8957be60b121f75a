#include "sim/mesh_scenario.h"

#include <fmt/format.h>

#include "path/constants.h"

namespace warren::sim {

namespace {

// Time to talk again once nothing is wrong any more. Mostly it is a fraction of a second; but who
// starts again with a clock that was set back is not believed, and the other begins a handshake
// when nothing came for 15 s (spec: paths sections 1.3, 1.7), with a retry after 5 s.
constexpr Duration kRecoverLimit = 25s;
// Time to be direct again: a round of discovery comes every half minute at the latest.
constexpr Duration kDirectLimit = path::kLastRound + 5s;
constexpr Duration kLongestOutage = 600s;
constexpr std::size_t kMaxRelayTable = 64;  // of two nodes' relay, whatever happened

const Site& any_site(Random& choices) {
  return all_sites()[choices.below(all_sites().size())];
}

}  // namespace

MeshScenario::MeshScenario(Random& choices, Trace* trace, NodeKind other)
    : choices_(choices), site_a_(any_site(choices)), site_b_(any_site(choices)) {
  pair_ = std::make_unique<MeshPair>(choices_.u64(), site_a_, site_b_, trace, other);
  note(fmt::format("a: {}, b: {}", site_a_.name, site_b_.name));
  settle();
}

Duration MeshScenario::any_time(Duration longest) {
  // Short ones as often as long ones.
  const Duration scale = longest / (std::int64_t{1} << choices_.below(10));
  return Duration(choices_.below(static_cast<std::uint64_t>(scale.count()) + 1));
}

void MeshScenario::live_for(Duration time) {
  if (is_likely()) {
    pair_->talk(time, 100ms);
  } else {
    pair_->time.run_for(time);
  }
}

void MeshScenario::step() {
  disturb();
  if (!violation_) settle();
  if (!violation_) check_bounds();
}

void MeshScenario::disturb() {
  MeshPair::Side& side = any_side();
  switch (choices_.below(14)) {
    case 0:
      return change_address(side);
    case 1:
      return change_place(side);
    case 2:
      return reboot_router(side);
    case 3:
      return change_public_address(side);
    case 4:
      return restart_relay();
    case 5:
      return lose_relay();
    case 6:
      return lose_link(side);
    case 7:
      return lose_uplink(side);
    case 8:
      return block_udp(side);
    case 9:
      return step_clock(side);
    case 10:
      return sleep(side);
    case 11:
      return restart_node(side);
    case 12:
      return change_quality(side);
    default:
      return be_idle();
  }
}

void MeshScenario::change_address(MeshPair::Side& side) {
  note(side.name + " changes its address");
  side.machine->set_addresses(1, side.site.home->lease());
}

void MeshScenario::change_place(MeshPair::Side& side) {
  Site& now = &side == &pair_->a ? site_a_ : site_b_;
  now = any_site(choices_);
  const int number = next_number_++;
  note(fmt::format("{} goes to another place: {}", side.name, now.name));
  side.site = make_site(pair_->internet, now, fmt::format("{}{}", side.name, number), number % 128);
  side.machine->move(1, *side.site.home, side.site.home->lease());
}

void MeshScenario::reboot_router(MeshPair::Side& side) {
  Router* const router = is_likely() ? side.site.home : side.site.outer();
  if (router->parent() == nullptr) return;
  note(router->name() + " reboots");
  router->reboot();
}

Router* MeshScenario::outer_nat(const MeshPair::Side& side) const {
  return side.site.outer()->nat() != nullptr ? side.site.outer() : nullptr;
}

void MeshScenario::change_public_address(MeshPair::Side& side) {
  Router* const router = outer_nat(side);
  if (router == nullptr) return;
  note(router->name() + " gets another public address");
  router->change_external({*pair_->internet.root().lease().v4});
}

void MeshScenario::restart_relay() {
  note("relay restarts");
  pair_->restart_relay();
}

void MeshScenario::lose_relay() {
  const Duration time = any_time(kLongestOutage);
  note(fmt::format("relay is gone for {} ms", time / 1ms));
  pair_->relay.reset();
  live_for(time);
  pair_->restart_relay();
}

void MeshScenario::lose_link(MeshPair::Side& side) {
  const Duration time = any_time(kLongestOutage);
  note(fmt::format("{} has no link for {} ms", side.name, time / 1ms));
  side.machine->set_link(1, false);
  live_for(time);
  side.machine->set_link(1, true);
}

void MeshScenario::lose_uplink(MeshPair::Side& side) {
  Router& router = *side.site.outer();
  if (router.parent() == nullptr) return;
  const Duration time = any_time(kLongestOutage);
  note(fmt::format("{} has no uplink for {} ms", router.name(), time / 1ms));
  router.set_uplink_up(false);
  live_for(time);
  router.set_uplink_up(true);
}

void MeshScenario::block_udp(MeshPair::Side& side) {
  Router& router = *side.site.home;
  const Site& place = &side == &pair_->a ? site_a_ : site_b_;
  if (router.parent() == nullptr) return;
  const Duration time = any_time(kLongestOutage);
  note(fmt::format("{} blocks UDP for {} ms", router.name(), time / 1ms));
  router.block(lab::Block::Udp);
  live_for(time);
  router.block(place.block);
}

void MeshScenario::step_clock(MeshPair::Side& side) {
  const Duration by = any_time(2h) - 1h;
  note(fmt::format("{}'s clock is set {} s on", side.name, by / 1s));
  side.node->wall_clock().step(by);
}

void MeshScenario::sleep(MeshPair::Side& side) {
  const Duration time = any_time(kLongestOutage);
  note(fmt::format("{} sleeps for {} ms", side.name, time / 1ms));
  side.machine->set_link(1, false);
  pair_->time.run_for(time);
  side.machine->set_link(1, true);
  side.node->wake_up();
}

void MeshScenario::restart_node(MeshPair::Side& side) {
  note(side.name + " is killed and started again");
  if (is_likely()) return pair_->restart(side);
  pair_->restart_anew(side);
  live_for(any_time(kLongestOutage));  // until the other is told
  pair_->introduce(pair_->other(side));
}

void MeshScenario::change_quality(MeshPair::Side& side) {
  LinkQuality quality{.delay = any_time(100ms), .jitter = any_time(20ms), .keeps_order = false};
  quality.loss_percent = static_cast<double>(choices_.below(6));
  quality.duplicate_percent = static_cast<double>(choices_.below(6));
  note(fmt::format("{}'s link: delay {} ms, jitter {} ms, loss {} %", side.name,
                   quality.delay / 1ms, quality.jitter / 1ms, quality.loss_percent));
  side.machine->set_quality(1, quality, quality);
}

void MeshScenario::be_idle() {
  const Duration time = any_time(kLongestOutage);
  note(fmt::format("nobody talks for {} ms", time / 1ms));
  pair_->time.run_for(time);
}

bool MeshScenario::expects_direct() const {
  return can_be_direct(site_a_, site_b_);
}

void MeshScenario::settle() {
  const TimePoint start = pair_->time.now();
  const auto has_heard = [&](const MeshPair::Side& side) {
    return !side.delivered.empty() && side.delivered.back() >= start + 500ms;
  };
  while (!has_heard(pair_->a) || !has_heard(pair_->b)) {
    if (pair_->time.now() - start > kRecoverLimit) {
      violation_ = fmt::format("{} does not hear the other within {} s",
                               has_heard(pair_->a) ? "b" : "a", kRecoverLimit / 1s);
      return;
    }
    pair_->talk(100ms, 50ms);
  }
  if (!expects_direct()) return;
  while (!pair_->both_direct()) {
    if (pair_->time.now() - start > kDirectLimit) {
      violation_ = fmt::format("{} is not direct within {} s",
                               pair_->is_direct(pair_->a) ? "b" : "a", kDirectLimit / 1s);
      return;
    }
    pair_->talk(500ms, 100ms);
  }
}

void MeshScenario::check_bounds() {
  constexpr std::size_t kMaxTable = path::kMaxCandidates + path::kMaxSentPings +
                                    path::kMaxProbesInFlight + path::kMaxReports +
                                    path::kMaxObserved + 64;
  for (MeshPair::Side* const side : {&pair_->a, &pair_->b}) {
    if (side->node->table_entries() > kMaxTable)
      violation_ = side->name + "'s tables of paths have no bound";
    side->delivered.clear();
  }
  if (pair_->relay->hub().connections() > kMaxRelayTable)
    violation_ = "the relay keeps connections that are gone";
}

}  // namespace warren::sim
