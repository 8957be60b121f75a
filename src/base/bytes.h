#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

// Borrowed bytes, loads and stores of fixed byte order, and a bounds-checked reader and writer.
namespace warren {

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

// `at` must hold sizeof(T) bytes; the caller has checked.
template <class T>
T load_le(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

template <class T>
T load_be(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return value;
}

template <class T>
void store_le(std::uint8_t* at, T value) {
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  std::memcpy(at, &value, sizeof value);
}

template <class T>
void store_be(std::uint8_t* at, T value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  std::memcpy(at, &value, sizeof value);
}

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads a message front to back. A read past the end returns zeros and makes the reader failed for
// good, so a decoder checks ok() once for each fixed part.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }

  std::size_t remaining() const { return rest_.size(); }

  ByteView rest() const { return rest_; }

  std::uint8_t u8() { return number<std::uint8_t, std::endian::little>(); }

  std::uint16_t le16() { return number<std::uint16_t, std::endian::little>(); }

  std::uint32_t le32() { return number<std::uint32_t, std::endian::little>(); }

  std::uint64_t le64() { return number<std::uint64_t, std::endian::little>(); }

  std::uint16_t be16() { return number<std::uint16_t, std::endian::big>(); }

  std::uint32_t be32() { return number<std::uint32_t, std::endian::big>(); }

  std::uint64_t be64() { return number<std::uint64_t, std::endian::big>(); }

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    const ByteView bytes = take(N);
    if (ok_) std::memcpy(out.data(), bytes.data(), N);
    return out;
  }

  // The next `size` bytes, borrowed from the message; empty when there are fewer.
  ByteView take(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const ByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }

  void skip(std::size_t size) { take(size); }

 private:
  template <class T, std::endian order>
  T number() {
    const ByteView bytes = take(sizeof(T));
    if (!ok_) return 0;
    return order == std::endian::little ? load_le<T>(bytes.data()) : load_be<T>(bytes.data());
  }

  ByteView rest_;
  bool ok_ = true;
};

// Writes into a caller's buffer. A write past the end is dropped and makes the writer failed for
// good.
class ByteWriter {
 public:
  explicit ByteWriter(MutableByteView out) : out_(out) {}

  bool ok() const { return ok_; }

  std::size_t written() const { return written_; }

  void u8(std::uint8_t value) { number<std::uint8_t, std::endian::little>(value); }

  void le16(std::uint16_t value) { number<std::uint16_t, std::endian::little>(value); }

  void le32(std::uint32_t value) { number<std::uint32_t, std::endian::little>(value); }

  void le64(std::uint64_t value) { number<std::uint64_t, std::endian::little>(value); }

  void be16(std::uint16_t value) { number<std::uint16_t, std::endian::big>(value); }

  void be32(std::uint32_t value) { number<std::uint32_t, std::endian::big>(value); }

  void be64(std::uint64_t value) { number<std::uint64_t, std::endian::big>(value); }

  void bytes(ByteView value) {
    if (!reserve(value.size())) return;
    if (!value.empty()) std::memcpy(out_.data() + written_, value.data(), value.size());
    written_ += value.size();
  }

 private:
  bool reserve(std::size_t size) {
    if (!ok_ || size > out_.size() - written_) ok_ = false;
    return ok_;
  }

  template <class T, std::endian order>
  void number(T value) {
    if (!reserve(sizeof value)) return;
    if constexpr (order == std::endian::little) {
      store_le(out_.data() + written_, value);
    } else {
      store_be(out_.data() + written_, value);
    }
    written_ += sizeof value;
  }

  MutableByteView out_;
  std::size_t written_ = 0;
  bool ok_ = true;
};

}  // namespace warren
