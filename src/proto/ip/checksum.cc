#include "proto/ip/checksum.h"

#include <bit>
#include <cstring>

namespace warren::ip {

namespace {

struct NoCopy {
  template <class T>
  void operator()(std::size_t, T) const {}
};

struct CopyTo {
  std::uint8_t* __restrict out;

  template <class T>
  __attribute__((always_inline)) void operator()(std::size_t at, T value) const {
    std::memcpy(out + at, &value, sizeof value);
  }
};

template <class T>
__attribute__((always_inline)) inline T load(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Two 64-bit accumulators of 32-bit halves: no carries, so the compiler turns the loop into
// vectors.
template <class Each>
__attribute__((always_inline)) inline std::uint64_t sum(const std::uint8_t* __restrict bytes,
                                                        std::size_t size,
                                                        Each each) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  const std::size_t whole = size / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    const auto word = load<std::uint64_t>(bytes + i);
    each(i, word);
    low += word & 0xFFFFFFFFU;
    high += word >> 32;
  }
  std::size_t at = whole;
  if ((size & 4) != 0) {
    const auto word = load<std::uint32_t>(bytes + at);
    each(at, word);
    low += word;
    at += 4;
  }
  if ((size & 2) != 0) {
    const auto word = load<std::uint16_t>(bytes + at);
    each(at, word);
    low += word;
    at += 2;
  }
  if ((size & 1) != 0) {
    const std::uint8_t last[2] = {bytes[at], 0};
    each(at, last[0]);
    low += load<std::uint16_t>(last);
  }
  return low + high;
}

#if defined(__x86_64__)
// 256-bit vectors halve the time of a 1,368-byte payload (35 to 19 ns for copy and sum, 29 to 16
// for the sum; clang 19 -O2, a 2026 x86-64 server core). Chosen by a branch at each call: ifunc
// resolvers run before a sanitizer's start-up.
__attribute__((target("avx2"))) std::uint64_t sum_avx2(const std::uint8_t* bytes,
                                                       std::size_t size) {
  return sum(bytes, size, NoCopy{});
}

__attribute__((target("avx2"))) std::uint64_t sum_and_copy_avx2(const std::uint8_t* bytes,
                                                                std::size_t size,
                                                                std::uint8_t* out) {
  return sum(bytes, size, CopyTo{out});
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") != 0;
}
#endif

std::uint16_t to_memory_order(std::uint16_t value) {
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

}  // namespace

Sum& Sum::add(ByteView bytes) {
#if defined(__x86_64__)
  if (has_avx2()) {
    words_ += sum_avx2(bytes.data(), bytes.size());
    return *this;
  }
#endif
  words_ += sum(bytes.data(), bytes.size(), NoCopy{});
  return *this;
}

Sum& Sum::add_and_copy(ByteView bytes, std::uint8_t* out) {
#if defined(__x86_64__)
  if (has_avx2()) {
    words_ += sum_and_copy_avx2(bytes.data(), bytes.size(), out);
    return *this;
  }
#endif
  words_ += sum(bytes.data(), bytes.size(), CopyTo{out});
  return *this;
}

Sum& Sum::add_be16(std::uint16_t value) {
  words_ += to_memory_order(value);
  return *this;
}

std::uint16_t Sum::folded() const {
  std::uint64_t words = words_;
  words = (words & 0xFFFFFFFFU) + (words >> 32);
  words = (words & 0xFFFFFFFFU) + (words >> 32);
  words = (words & 0xFFFFU) + (words >> 16);
  words = (words & 0xFFFFU) + (words >> 16);
  return to_memory_order(static_cast<std::uint16_t>((words & 0xFFFFU) + (words >> 16)));
}

Sum pseudo_header(ByteView addresses, std::uint8_t protocol, std::size_t length) {
  Sum out;
  out.add(addresses);
  out.add_be16(protocol);
  out.add_be16(static_cast<std::uint16_t>(length >> 16));
  out.add_be16(static_cast<std::uint16_t>(length & 0xFFFFU));
  return out;
}

std::uint16_t update_checksum(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) {
  Sum out;
  out.add_be16(static_cast<std::uint16_t>(~checksum));
  out.remove_be16(before);
  out.add_be16(after);
  return out.checksum();
}

}  // namespace warren::ip
