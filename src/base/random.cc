#include "base/random.h"

#include <algorithm>
#include <array>
#include <bit>

namespace warren {

std::uint32_t Random::u32() {
  std::array<std::uint8_t, 4> bytes{};
  fill(bytes);
  return load_le<std::uint32_t>(bytes.data());
}

std::uint64_t Random::u64() {
  std::array<std::uint8_t, 8> bytes{};
  fill(bytes);
  return load_le<std::uint64_t>(bytes.data());
}

std::uint64_t Random::below(std::uint64_t bound) {
  // Rejection of the incomplete last interval keeps the result uniform.
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = u64();
  while (value >= limit) value = u64();
  return value % bound;
}

SeededRandom::SeededRandom(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

std::uint64_t SeededRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(MutableByteView out) {
  while (!out.empty()) {
    std::array<std::uint8_t, 8> word{};
    store_le(word.data(), next());
    const std::size_t size = std::min(word.size(), out.size());
    std::memcpy(out.data(), word.data(), size);
    out = out.subspan(size);
  }
}

}  // namespace warren
