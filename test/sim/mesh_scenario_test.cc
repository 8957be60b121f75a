#include "sim/mesh_scenario.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace warren::sim {
namespace {

// As in wg_scenario_test: WARREN_SIM_SEEDS of them, or WARREN_SIM_SEED alone, with a trace.
constexpr std::uint64_t kSeeds = 40;
constexpr int kSteps = 12;

std::optional<std::string> run(std::uint64_t seed, int steps, Trace* trace) {
  SeededRandom choices(seed);
  MeshScenario scenario(choices, trace);
  for (int i = 0; i < steps && !scenario.violation(); ++i) scenario.step();
  return scenario.violation();
}

void expect_recovery(std::uint64_t seed, int steps) {
  const auto violation = run(seed, steps, nullptr);
  if (!violation) return;
  Trace trace;
  run(seed, steps, &trace);  // the same again, with words
  FAIL() << "seed " << seed << ": " << *violation << "\n" << trace.text();
}

TEST(MeshScenario, RecoversFromWhateverHappens) {
  if (const char* const seed = std::getenv("WARREN_SIM_SEED")) {
    expect_recovery(std::strtoull(seed, nullptr, 10), kSteps);
    return;
  }
  const char* const text = std::getenv("WARREN_SIM_SEEDS");
  const std::uint64_t seeds = text != nullptr ? std::strtoull(text, nullptr, 10) : kSeeds;
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed)
    expect_recovery(seed, kSteps);
}

TEST(MeshScenario, StaysBoundedOverAThousandDisturbances) {
  expect_recovery(4711, 1000);
}

}  // namespace
}  // namespace warren::sim
