#pragma once

#include "base/time.h"

namespace warren::io {

// CLOCK_BOOTTIME: never jumps, counts suspend, so a session is as old after a nap as it is.
TimePoint boot_now();

class SystemWallClock final : public WallClock {
 public:
  WallTime now() const override;
};

}  // namespace warren::io
