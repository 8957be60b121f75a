#include "sim/mesh_scenario.h"

#include <string>

#include <gtest/gtest.h>

#include "sim/seeds.h"

namespace warren::sim {
namespace {

constexpr std::uint64_t kSeeds = 40;
constexpr std::uint64_t kSeedsWithStock = 20;
constexpr int kSteps = 12;

std::optional<std::string> run(NodeKind other, std::uint64_t seed, int steps, Trace* trace) {
  SeededRandom choices(seed);
  MeshScenario scenario(choices, trace, other);
  for (int i = 0; i < steps && !scenario.violation(); ++i) scenario.step();
  return scenario.violation();
}

void expect_recovery(NodeKind other, std::uint64_t seed, int steps) {
  const auto violation = run(other, seed, steps, nullptr);
  if (!violation) return;
  Trace trace(20'000);              // the last disturbance, with every packet
  run(other, seed, steps, &trace);  // the same again, with words
  FAIL() << "seed " << seed << ": " << *violation << "\n" << trace.text();
}

void expect_recovery(NodeKind other, std::uint64_t seeds) {
  const auto [first, last] = choose_seeds(seeds);
  for (std::uint64_t seed = first; seed <= last && !testing::Test::HasFailure(); ++seed)
    expect_recovery(other, seed, kSteps);
}

TEST(MeshScenario, RecoversFromWhateverHappens) {
  expect_recovery(NodeKind::Ours, kSeeds);
}

TEST(MeshScenario, RecoversWithAStockClientOnTheOtherSide) {
  expect_recovery(NodeKind::Stock, kSeedsWithStock);
}

TEST(MeshScenario, StaysBoundedOverAThousandDisturbances) {
  expect_recovery(NodeKind::Ours, 4711, 1000);
}

}  // namespace
}  // namespace warren::sim
