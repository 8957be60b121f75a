#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace warren::relay::client {

// When to connect again. The first time almost at once, then after a random part of a step that
// doubles up to kRetryCap ("full jitter"): clients that lost a relay together come back apart.
//
// After a good connection was lost the step stays at kQuickRetryStep for kQuickRetries while
// nothing answers: a relay that restarts is found as soon as it listens. Once something does answer
// and does not let us in, there is a relay with too many at its door, and the step doubles.
class BackOff {
 public:
  // How an attempt ended: whether anything accepted a TCP connection.
  enum class Ended : std::uint8_t { Unanswered, Answered };

  explicit BackOff(Random& random) : random_(random) {}  // outlives this

  // The wait before the next attempt.
  Duration next(Ended last, TimePoint now);
  // A connection that was good was lost; next() follows.
  void on_lost(TimePoint now);
  // The server said when it will be back; holds for the next wait.
  void on_restarting(Duration reconnect_in);

  void reset() { failures_ = 0; }

 private:
  Duration step() const;
  Duration random_below(Duration bound);

  Random& random_;
  unsigned failures_ = 0;  // those that counted
  TimePoint quick_until_ = TimePoint::min();
  Duration restart_wait_{};
};

}  // namespace warren::relay::client
