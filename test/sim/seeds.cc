#include "sim/seeds.h"

#include <cstdlib>
#include <optional>

namespace warren::sim {

namespace {

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

Seeds choose_seeds(std::uint64_t count) {
  if (const auto one = number_from_environment("WARREN_SIM_SEED"))
    return {.first = *one, .last = *one};
  return {.first = 1, .last = number_from_environment("WARREN_SIM_SEEDS").value_or(count)};
}

}  // namespace warren::sim
