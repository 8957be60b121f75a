#pragma once

#include <optional>

#include "base/time.h"

namespace warren::path {

// Whether the direct path that a peer's packets take is alive (spec: paths sections 5.5, 9.8).
//
// A pong proves the path for kTrust. Packets that arrive over it show that it lives, but not that
// ours get through. When something was sent and neither follows, the path is suspect: quick probes
// go out, and when they stay unanswered too, the path is in doubt: the caller sends both ways until
// a pong settles it.
class Liveness {
 public:
  // A pong made this the path.
  void install(Duration latency, TimePoint now);
  // A pong came back over it; `latency` is smoothed here.
  void on_pong(Duration latency, TimePoint now);
  // Authenticated packets came over it, the last one at `at`.
  void on_traffic(TimePoint at);
  // Packets or a ping went out over it, the last at `at`.
  void on_sent(TimePoint at);
  // The peer's packets came through the relay. When none came over this path for as long as makes
  // it suspect, the peer has noticed that it is dead, while we, who only answer, have not.
  void on_relayed(TimePoint now);
  // Something happened that may have ended it: our network changed, the kernel cannot send.
  void doubt(TimePoint now);

  bool in_doubt(TimePoint now) const { return doubted_since_.has_value() || now > trusted_until_; }

  TimePoint trusted_until() const { return trusted_until_; }

  // Since when, while in doubt.
  TimePoint doubted_since() const { return doubted_since_.value_or(trusted_until_); }

  Duration latency() const { return latency_; }

  // True: send a ping now (and tell on_sent).
  bool on_timeout(TimePoint now);
  TimePoint next_timeout() const;

 private:
  Duration probe_interval() const;
  TimePoint suspect_at() const;

  TimePoint trusted_until_ = TimePoint::min();
  TimePoint last_proof_ = TimePoint::min();
  std::optional<TimePoint> unanswered_since_;  // the first thing sent after the last proof
  std::optional<TimePoint> doubted_since_;
  TimePoint next_relayed_doubt_ = TimePoint::min();
  unsigned probes_ = 0;  // of this suspicion
  TimePoint next_probe_ = kNever;
  Duration doubt_interval_{};
  Duration latency_{};
};

}  // namespace warren::path
