#include "sim/wg_scenario.h"

#include <gtest/gtest.h>

#include "sim/seeds.h"

namespace warren::sim {
namespace {

constexpr std::uint64_t kSeeds = 300;
constexpr int kSteps = 150;

std::optional<std::string> run(std::uint64_t seed, Trace* trace) {
  SeededRandom choices(seed);
  WgScenario scenario(choices, trace);
  for (int i = 0; i < kSteps && !scenario.violation(); ++i) scenario.step();
  if (!scenario.violation()) scenario.settle();
  return scenario.violation();
}

TEST(WgScenario, KeepsTheRulesWhateverHappens) {
  const auto [first, last] = choose_seeds(kSeeds);
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const auto violation = run(seed, nullptr);
    if (!violation) continue;
    Trace trace;
    run(seed, &trace);  // the same again, with words
    FAIL() << "seed " << seed << ": " << *violation << "\n"
           << trace.text() << "run it alone: WARREN_SIM_SEED=" << seed;
  }
}

}  // namespace
}  // namespace warren::sim
