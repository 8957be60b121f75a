#pragma once

#include "base/random.h"
#include "base/time.h"

namespace warren::node {

// When to try again: at random below a step that doubles up to half a second, and only after the
// server was away for half a minute further, up to 30 s. So a restart is over in less than a second
// and a long outage costs nothing; full jitter keeps a crowd apart
// (demand R11).
class Retry {
 public:
  explicit Retry(Random& random) : random_(random) {}  // outlives it

  // All is well: the next failure is the first.
  void reset() {
    failures_ = 0;
    since_ = kNever;
  }

  // Another failure; how long to wait.
  Duration next(TimePoint now);

 private:
  Random& random_;
  unsigned failures_ = 0;
  TimePoint since_ = kNever;  // the first failure
};

}  // namespace warren::node
