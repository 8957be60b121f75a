#pragma once

#include <cstdint>

namespace warren::sim {

// Which seeds a scenario's test runs.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t last = 0;
};

// The first `count`; from the environment WARREN_SIM_SEEDS=100000 says how many instead, and
// WARREN_SIM_SEED=7 only that one.
Seeds choose_seeds(std::uint64_t count);

}  // namespace warren::sim
