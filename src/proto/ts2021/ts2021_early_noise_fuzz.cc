#include <algorithm>

#include "proto/ts2021/early_noise.h"

using warren::ByteView;
using warren::ts2021::EarlyNoiseFilter;

// The stream means the same whole and byte by byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  EarlyNoiseFilter whole;
  std::vector<std::uint8_t> expected;
  const bool ok = whole.pass(ByteView(data, size), expected).has_value();
  EarlyNoiseFilter cut;
  std::vector<std::uint8_t> out;
  bool cut_ok = true;
  for (const std::uint8_t byte : ByteView(data, size)) {
    cut_ok = cut.pass(ByteView(&byte, 1), out).has_value();
  }
  WARREN_CHECK(ok == cut_ok && out == expected && expected.size() <= size);
  return 0;
}
