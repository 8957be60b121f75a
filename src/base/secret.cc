#include "base/secret.h"

namespace warren {

void wipe(MutableByteView bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
    asm volatile("" : "+r"(difference));  // keeps the compiler from leaving the loop early
  }
  return difference == 0;
}

}  // namespace warren
