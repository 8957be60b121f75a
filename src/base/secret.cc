#include "base/secret.h"

namespace warren {

void wipe(MutableByteView bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint64_t difference = 0;
  std::size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {
    difference |= load_le<std::uint64_t>(&a[i]) ^ load_le<std::uint64_t>(&b[i]);
    asm volatile("" : "+r"(difference));  // keeps the compiler from leaving the loop early
  }
  for (; i < a.size(); ++i) {
    difference |= static_cast<std::uint64_t>(a[i] ^ b[i]);
    asm volatile("" : "+r"(difference));
  }
  return difference == 0;
}

}  // namespace warren
