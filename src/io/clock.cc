#include "io/clock.h"

#include <ctime>

namespace warren::io {

TimePoint boot_now() {
  timespec now{};
  // It can fail only for a clock that does not exist.
  static_cast<void>(clock_gettime(CLOCK_BOOTTIME, &now));
  return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

WallTime SystemWallClock::now() const {
  timespec now{};
  static_cast<void>(clock_gettime(CLOCK_REALTIME, &now));
  return {now.tv_sec, static_cast<std::uint32_t>(now.tv_nsec)};
}

}  // namespace warren::io
