#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/udp_path.h"

namespace warren::path {

// An address under which a peer may be reached, and what is known of it.
struct Candidate {
  Endpoint endpoint;
  // Who named it; with none of these it goes (spec: paths section 5.3).
  bool configured = false;                 // the network map
  bool called = false;                     // the peer's last call-me-maybe
  TimePoint last_seen = TimePoint::min();  // a ping came from it
  std::optional<LocalAddress> local;       // ours that pings and pongs of it come to
  TimePoint next_ping = kNever;            // waits for its turn in a round
  TimePoint last_ping = TimePoint::min();  // sent
  TimePoint last_pong = TimePoint::min();
  Duration latency{};  // smoothed; valid with a pong

  UdpPath path() const { return {.remote = endpoint, .source = local}; }

  bool answered_within(Duration time, TimePoint now) const {
    return last_pong != TimePoint::min() && now - last_pong <= time;
  }
};

// Whether anybody could be reached there at all: not loopback, multicast, port 0, the overlay.
bool is_plausible(const Endpoint& endpoint);

// Whether `a` is the better path: lower latency, in favour of private addresses and IPv6, and by
// enough that paths do not flap (spec: paths sections 5.7, 10).
bool is_better(const Candidate& a, const Candidate& b);

// The candidates of one peer, at most kMaxCandidates. References are valid until the next call that
// is not const.
class Candidates {
 public:
  // Each replaces what that source had named before; more than its bound is cut.
  void set_configured(std::span<const Endpoint> endpoints);
  void set_called(std::span<const Endpoint> endpoints);
  // A ping came from there. Null: no room.
  Candidate* see(const UdpPath& from, TimePoint now);

  Candidate* find(const Endpoint& endpoint);
  const Candidate* find(const Endpoint& endpoint) const;

  std::span<Candidate> all() { return entries_; }

  std::span<const Candidate> all() const { return entries_; }

  // Forgets those that nobody names any more, but for `keep`.
  void prune(const std::optional<Endpoint>& keep, TimePoint now);
  // The network changed: what was proven no longer is, our own addresses are others.
  void forget_proofs();

  // How many gave way since the last call.
  std::uint64_t take_evicted() { return std::exchange(evicted_, 0); }

 private:
  Candidate* add(const Endpoint& endpoint);

  std::vector<Candidate> entries_;
  std::uint64_t evicted_ = 0;
};

}  // namespace warren::path
