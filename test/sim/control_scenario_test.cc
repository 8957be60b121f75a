#include "sim/control_scenario.h"

#include <string>

#include <gtest/gtest.h>

#include "sim/seeds.h"

namespace warren::sim {
namespace {

constexpr std::uint64_t kSeeds = 30;
constexpr int kSteps = 8;

std::optional<std::string> run(std::uint64_t seed, int steps, Trace* trace) {
  SeededRandom choices(seed);
  ControlScenario scenario(choices, trace);
  for (int i = 0; i < steps && !scenario.violation(); ++i) scenario.step();
  return scenario.violation();
}

void expect_recovery(std::uint64_t seed, int steps) {
  const auto violation = run(seed, steps, nullptr);
  if (!violation) return;
  Trace trace(20'000);       // the last disturbances, with every packet
  run(seed, steps, &trace);  // the same again, with words
  FAIL() << "seed " << seed << ": " << *violation << "\n" << trace.text();
}

TEST(ControlScenario, RecoversFromWhateverHappens) {
  const auto [first, last] = choose_seeds(kSeeds);
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed)
    expect_recovery(seed, kSteps);
}

}  // namespace
}  // namespace warren::sim
