#include "sim/internet.h"

#include <fmt/format.h>

#include "sim/machine.h"

namespace warren::sim {

namespace {

constexpr std::array<const char*, std::to_underlying(Loss::Count)> kLossNames = {
    "no route", "NAT", "firewall", "link down", "lost", "no socket", "not our address", "too many"};

}  // namespace

Internet::Internet(VirtualTime& time, std::uint64_t seed, const InternetConfig& config)
    : time_(time), random_(seed) {
  routers_.push_back(std::make_unique<Router>(
      RouterConfig{.name = "internet", .v4 = config.v4, .v6 = config.v6}, nullptr, next_seed()));
}

Router& Internet::add_router(Router& parent, RouterConfig config) {
  return *routers_.emplace_back(std::make_unique<Router>(std::move(config), &parent, next_seed()));
}

void Internet::send(Router& at, lab::Link& link, Transit packet) {
  if (tap_) tap_(packet);
  if (is_traced()) note(at.name(), packet.description());
  cross(link, at.name(), std::move(packet),
        [this, &at](Transit arrived) { enter(at, std::move(arrived)); });
}

void Internet::enter(Router& at, Transit packet) {
  if (at.find(packet.flow.destination.address)) {
    deliver(at, std::move(packet));
    return;
  }
  if (at.parent() == nullptr) {
    lose(Loss::NoRoute, at.name(), packet);
    return;
  }
  if (at.translates(packet.flow.destination.address)) {
    if (!at.firewall().is_allowed(packet.flow, lab::Direction::Outbound)) {
      lose(Loss::Firewall, at.name(), packet);
      return;
    }
    const auto verdict = at.nat()->outbound(packet.flow, packet.segment.event, time_.now());
    if (!verdict.flow) {
      lose(Loss::Nat, at.name(), packet);
      return;
    }
    packet.flow = *verdict.flow;
    if (verdict.to_inside) {
      deliver(at, std::move(packet));
      return;
    }
  } else if (!at.firewall().outbound(packet.flow, packet.segment.event, time_.now())) {
    lose(Loss::Firewall, at.name(), packet);
    return;
  }
  if (!at.is_uplink_up()) {
    lose(Loss::LinkDown, at.name(), packet);
    return;
  }
  cross(at.up(), at.name(), std::move(packet),
        [this, &at](Transit arrived) { enter(*at.parent(), std::move(arrived)); });
}

// From the network above.
void Internet::come_down(Router& at, Transit packet) {
  if (at.translates(packet.flow.destination.address)) {
    if (!at.firewall().is_allowed(packet.flow, lab::Direction::Inbound)) {
      lose(Loss::Firewall, at.name(), packet);
      return;
    }
    const auto verdict = at.nat()->inbound(packet.flow, packet.segment.event, time_.now());
    if (!verdict.flow) {
      lose(Loss::Nat, at.name(), packet);
      return;
    }
    packet.flow = *verdict.flow;
  } else if (!at.firewall().inbound(packet.flow, packet.segment.event, time_.now())) {
    lose(Loss::Firewall, at.name(), packet);
    return;
  }
  deliver(at, std::move(packet));
}

// To whoever in the network of `at` has the address, or leads to it.
void Internet::deliver(Router& at, Transit packet) {
  const auto next = at.find(packet.flow.destination.address);
  if (!next) {
    lose(Loss::NoRoute, at.name(), packet);
    return;
  }
  if (auto* const* const below = std::get_if<Router*>(&*next)) {
    Router& router = **below;
    if (!router.is_uplink_up()) {
      lose(Loss::LinkDown, router.name(), packet);
      return;
    }
    cross(router.down(), router.name(), std::move(packet),
          [this, &router](Transit arrived) { come_down(router, std::move(arrived)); });
    return;
  }
  std::get<Machine*>(*next)->take(at, std::move(packet));
}

void Internet::lose(Loss reason, std::string_view where, const Transit& packet) {
  ++lost_[std::to_underlying(reason)];
  if (!is_traced()) return;
  note(where,
       fmt::format("drops ({}) {}", kLossNames[std::to_underlying(reason)], packet.description()));
}

void Internet::cross(lab::Link& link,
                     std::string_view where,
                     Transit packet,
                     std::function<void(Transit)> then) {
  const auto arrivals = link.carry(packet.size(), time_.now());
  if (arrivals.empty()) lose(Loss::Link, where, packet);
  for (const TimePoint arrival : arrivals) {
    if (arrival == time_.now()) {
      then(packet);
      continue;
    }
    if (in_flight_ >= kMaxInFlight) {
      lose(Loss::InFlight, where, packet);
      continue;
    }
    ++in_flight_;
    time_.at(arrival, [this, packet, then] {
      --in_flight_;
      then(packet);
    });
  }
}

}  // namespace warren::sim
