#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/random.h"
#include "base/result.h"

// What this folder's tests share.
namespace warren {

using Bytes = std::vector<std::uint8_t>;

// "-" is the empty field of a vector file; blanks are for the reader.
inline Bytes from_hex(std::string_view text) {
  if (text == "-") return {};
  std::string digits(text);
  std::erase(digits, ' ');
  Bytes out(digits.size() / 2);
  WARREN_CHECK(parse_hex(digits, out));
  return out;
}

template <std::size_t N>
std::array<std::uint8_t, N> array_from_hex(std::string_view text) {
  std::array<std::uint8_t, N> out{};
  WARREN_CHECK(parse_hex(text, out));
  return out;
}

inline Bytes random_bytes(Random& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  return out;
}

// The lines of a vector file as fields, comments left out.
inline std::vector<std::vector<std::string>> read_vectors(const std::string& path) {
  std::vector<std::vector<std::string>> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    auto& row = out.emplace_back();
    for (std::string field; fields >> field;) row.push_back(field);
  }
  return out;
}

}  // namespace warren
