#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace warren::db {

using Bytes = std::vector<std::uint8_t>;

// What a column holds or a parameter is given: null, a number, text or bytes. Text and bytes are
// different things also when they are empty, because PostgreSQL and STRICT tables say so (spec:
// server section 12, trap 2).
class Value {
 public:
  // NOLINTBEGIN(google-explicit-constructor): values are written in lists, {1, "name", key}
  Value() = default;  // null

  Value(std::nullopt_t) {}

  template <std::integral T>
  Value(T number) : held_(static_cast<std::int64_t>(number)) {
    if constexpr (!std::same_as<T, bool>) WARREN_CHECK(std::in_range<std::int64_t>(number));
  }

  Value(std::string text) : held_(std::move(text)) {}

  Value(std::string_view text) : held_(std::string(text)) {}

  Value(const char* text) : held_(std::string(text)) {}

  Value(Bytes bytes) : held_(std::move(bytes)) {}

  template <std::size_t N>
  Value(std::span<const std::uint8_t, N> bytes) : held_(Bytes(bytes.begin(), bytes.end())) {}

  template <std::size_t N>
  Value(const std::array<std::uint8_t, N>& bytes) : Value(ByteView(bytes)) {}

  template <class T>
  Value(const std::optional<T>& value) : Value(value ? Value(*value) : Value()) {}

  // NOLINTEND(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(held_); }

  const std::int64_t* number() const { return std::get_if<std::int64_t>(&held_); }

  const std::string* text() const { return std::get_if<std::string>(&held_); }

  const Bytes* bytes() const { return std::get_if<Bytes>(&held_); }

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, std::int64_t, std::string, Bytes> held_;
};

}  // namespace warren::db
