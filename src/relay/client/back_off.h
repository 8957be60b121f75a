#pragma once

#include "base/random.h"
#include "base/time.h"

namespace warren::relay::client {

// When to connect again. The first time almost at once, then after a random part of a step that
// doubles up to kRetryCap ("full jitter"): clients that lost a relay together come back apart.
class BackOff {
 public:
  explicit BackOff(Random& random) : random_(random) {}  // outlives this

  // The wait before the next attempt.
  Duration next();
  // The server said when it will be back; holds for the next wait.
  void on_restarting(Duration reconnect_in);

  void reset() { failures_ = 0; }

 private:
  Duration random_below(Duration bound);

  Random& random_;
  unsigned failures_ = 0;
  Duration restart_wait_{};
};

}  // namespace warren::relay::client
