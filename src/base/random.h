#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace warren {

// Randomness as a parameter. The system's generator is crypto/system_random.h; tests use
// SeededRandom.
class Random {
 public:
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  virtual ~Random() = default;

  virtual void fill(MutableByteView out) = 0;

  std::uint32_t u32();
  std::uint64_t u64();

  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// Repeatable, for tests and the simulator only: xoshiro256** seeded by splitmix64 (Blackman and
// Vigna, 2018).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  void fill(MutableByteView out) override;

 private:
  std::uint64_t next();

  std::uint64_t state_[4];
};

}  // namespace warren
