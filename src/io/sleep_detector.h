#pragma once

#include "base/time.h"

namespace warren::io {

// Tells when the machine has slept: CLOCK_BOOTTIME goes on in a suspend, CLOCK_MONOTONIC does not.
class SleepDetector {
 public:
  // A shorter sleep outlives no address mapping and no connection.
  static constexpr Duration kSleep = 1s;

  SleepDetector() : SleepDetector(read_asleep()) {}

  // Whether it has since the last call. Call it when timers fire: they are due after a sleep.
  bool has_slept() { return has_slept(read_asleep()); }

  // For tests: how long it was asleep since it started.
  explicit SleepDetector(Duration asleep) : asleep_(asleep) {}

  bool has_slept(Duration asleep) {
    // The clocks are not read at the same moment, so the difference wavers.
    if (asleep - asleep_ < kSleep) return false;
    asleep_ = asleep;
    return true;
  }

 private:
  static Duration read_asleep();

  Duration asleep_;
};

}  // namespace warren::io
