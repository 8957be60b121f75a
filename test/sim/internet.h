#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "sim/router.h"
#include "sim/trace.h"
#include "sim/transit.h"
#include "sim/virtual_time.h"

namespace warren::sim {

enum class Loss : std::uint8_t {
  NoRoute,   // nobody has the address, in the network where it was looked for
  Nat,       // lab::Nat::drops says why
  Firewall,  // lab::Firewall::drops says why
  LinkDown,
  Link,      // by chance or for lack of room
  NoSocket,  // at the machine
  NotOurs,   // the machine does not have the source address any more
  InFlight,  // too many packets under way
  Count,
};

// The addresses of the Internet's own network: for measurements (RFC 2544) and documentation (RFC
// 3849), as no network outside has them.
struct InternetConfig {
  IpPrefix v4 = *IpPrefix::parse("198.18.0.0/15");
  IpPrefix v6 = *IpPrefix::parse("2001:db8::/64");
};

// A tree of routers with machines in their networks; the public Internet is the root. A packet
// climbs from its machine to the first router that knows the destination and descends from there,
// through the NATs and firewalls between, and each link has its way with it.
//
// Bounded: beyond kMaxInFlight packets are dropped. Outlives its machines, and is outlived by the
// time, which does not run after it.
class Internet {
 public:
  static constexpr std::size_t kMaxInFlight = 65536;

  Internet(VirtualTime& time, std::uint64_t seed, const InternetConfig& config = {});

  VirtualTime& time() { return time_; }

  Router& root() { return *routers_.front(); }

  Router& add_router(Router& parent, RouterConfig config);

  // For what belongs to this network and needs chance of its own.
  std::uint64_t next_seed() { return random_.u64(); }

  // None by default. Outlives the network.
  void set_trace(Trace* trace) { trace_ = trace; }

  bool is_traced() const { return trace_ != nullptr; }

  void note(std::string_view who, std::string_view what) {
    if (trace_ != nullptr) trace_->line(time_.now(), who, what);
  }

  // Hears of every packet that a machine sends.
  void set_tap(std::function<void(const Transit&)> tap) { tap_ = std::move(tap); }

  std::uint64_t lost(Loss reason) const { return lost_[std::to_underlying(reason)]; }

  // A packet from inside the router's network, whoever may have put it there: attackers begin here.
  void enter(Router& at, Transit packet);

  // --- for machines
  void send(Router& at, lab::Link& link, Transit packet);
  void lose(Loss reason, std::string_view where, const Transit& packet);

 private:
  void come_down(Router& at, Transit packet);
  void deliver(Router& at, Transit packet);
  // Calls `then` when each copy arrives; at once where the link takes no time.
  void cross(lab::Link& link,
             std::string_view where,
             Transit packet,
             std::function<void(Transit)> then);

  VirtualTime& time_;
  SeededRandom random_;
  Trace* trace_ = nullptr;
  std::function<void(const Transit&)> tap_;
  std::vector<std::unique_ptr<Router>> routers_;  // the root first
  std::size_t in_flight_ = 0;
  std::array<std::uint64_t, std::to_underlying(Loss::Count)> lost_{};
};

}  // namespace warren::sim
