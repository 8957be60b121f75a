#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

// Bytes that must not leak: wiped when they go, no ==, no formatter, no silent copy.
namespace warren {

// Overwrites memory in a way the compiler may not remove.
void wipe(MutableByteView bytes);

// True when both views hold the same bytes. Takes the same time wherever they differ; lengths are
// public.
bool equal_constant_time(ByteView a, ByteView b);

template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;  // all zero

  explicit Secret(std::span<const std::uint8_t, N> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), N);
  }

  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }

  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  ~Secret() { wipe(); }

  // A deliberate copy.
  Secret clone() const { return Secret(bytes()); }

  std::span<const std::uint8_t, N> bytes() const { return bytes_; }

  std::span<std::uint8_t, N> mutable_bytes() { return bytes_; }

  bool is_zero() const {
    static constexpr std::array<std::uint8_t, N> kZero{};
    return equal_constant_time(bytes_, kZero);
  }

  void wipe() { warren::wipe(bytes_); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace warren
