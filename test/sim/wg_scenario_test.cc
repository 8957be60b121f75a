#include "sim/wg_scenario.h"

#include <cstdlib>

#include <gtest/gtest.h>

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

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// WARREN_SIM_SEEDS=100000 runs more seeds, WARREN_SIM_SEED=7 only that one.
TEST(WgScenario, KeepsTheRulesWhateverHappens) {
  std::uint64_t first = 1;
  std::uint64_t last = number_from_environment("WARREN_SIM_SEEDS").value_or(kSeeds);
  if (const auto one = number_from_environment("WARREN_SIM_SEED")) first = last = *one;
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
