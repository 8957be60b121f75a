#pragma once

#include "base/time.h"

namespace warren::io {

// CLOCK_BOOTTIME: never jumps, counts suspend, so a session is as old after a nap as it is.
TimePoint boot_now();

// A clock that timers run on, as a parameter: tests and the worker's loop bring their own.
class MonotonicClock {
 public:
  MonotonicClock() = default;
  MonotonicClock(const MonotonicClock&) = delete;
  MonotonicClock& operator=(const MonotonicClock&) = delete;
  virtual ~MonotonicClock() = default;
  virtual TimePoint now() const = 0;
};

class BootTime final : public MonotonicClock {
 public:
  TimePoint now() const override { return boot_now(); }
};

class SystemWallClock final : public WallClock {
 public:
  WallTime now() const override;
};

}  // namespace warren::io
