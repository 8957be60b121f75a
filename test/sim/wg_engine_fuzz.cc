#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "sim/wg_scenario.h"

namespace {

// The input as choices; zeros when it has ended.
class ByteChoices final : public warren::Random {
 public:
  explicit ByteChoices(warren::ByteView bytes) : rest_(bytes) {}

  bool is_empty() const { return rest_.empty(); }

  void fill(warren::MutableByteView out) override {
    // A number is eight bytes, of which the input gives the lowest two.
    const std::size_t size = std::min(rest_.size(), out.size() == 8 ? 2 : out.size());
    std::ranges::fill(out, 0);
    std::ranges::copy(rest_.first(size), out.begin());
    rest_ = rest_.subspan(size);
  }

 private:
  warren::ByteView rest_;
};

std::optional<std::string> run(warren::ByteView input, warren::sim::Trace* trace) {
  ByteChoices choices(input);
  warren::sim::WgScenario scenario(choices, trace);
  while (!choices.is_empty() && !scenario.violation()) scenario.step();
  if (!scenario.violation()) scenario.settle();
  return scenario.violation();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const warren::ByteView input(data, std::min<std::size_t>(size, 1024));
  if (const auto violation = run(input, nullptr)) {
    warren::sim::Trace trace;
    run(input, &trace);  // the same again, with words
    fmt::print(stderr, "{}{}\n", trace.text(), *violation);
    std::abort();
  }
  return 0;
}
