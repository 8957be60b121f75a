#pragma once

#include "base/random.h"

namespace warren {

// The operating system's generator through libsodium. Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(MutableByteView out) override;
};

// Once, first thing in main(). False when the library cannot start (no entropy source).
[[nodiscard]] bool init_crypto();

}  // namespace warren
