#pragma once

#include <chrono>

#include "base/time.h"

namespace warren::node {

// The date as it was believed at the start, moved on by the time that passed. For NetworkMap: when
// somebody sets the machine's clock, by a second or from 1970 to today, nobody's key expires and
// none comes back to life; how wrong the date is, the server's clock tells.
class SteadyWallClock {
 public:
  SteadyWallClock(WallTime wall, TimePoint now) : wall_(wall), began_(now) {}

  WallTime at(TimePoint now) const {
    return wall_.after(std::chrono::floor<std::chrono::seconds>(now - began_));
  }

 private:
  WallTime wall_;
  TimePoint began_;
};

}  // namespace warren::node
