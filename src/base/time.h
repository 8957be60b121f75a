#pragma once

#include <chrono>
#include <cstdint>

// Time as a parameter. Nothing below layer 6 reads a clock (design rule: engines are sans-IO).
namespace warren {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): literals only, and
                                       // only in warren

// The time base of all timers: never jumps, counts suspend. io/clock.h reads it, tests invent it.
struct BootClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

using Duration = std::chrono::nanoseconds;
using TimePoint = BootClock::time_point;

// Later than every deadline: "no timer is armed".
inline constexpr TimePoint kNever = TimePoint::max();

// Wall time, which may be wrong or step. It never drives a timer.
struct WallTime {
  std::int64_t seconds = 0;       // since 1970-01-01 00:00 UTC
  std::uint32_t nanoseconds = 0;  // below 10^9

  auto operator<=>(const WallTime&) const = default;

  // Whole seconds: what expiry needs.
  constexpr WallTime after(std::chrono::seconds span) const {
    return {.seconds = seconds + span.count(), .nanoseconds = nanoseconds};
  }
};

// For what needs wall time rarely, in the middle of its work (WireGuard's handshake timestamps).
class WallClock {
 public:
  WallClock() = default;
  WallClock(const WallClock&) = delete;
  WallClock& operator=(const WallClock&) = delete;
  virtual ~WallClock() = default;
  virtual WallTime now() const = 0;
};

}  // namespace warren
