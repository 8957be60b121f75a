#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"

// Golden files of tools/vectors, for tests only: "case NAME", then lines "KIND HEX".
namespace warren::tunnel::testing {

using Bytes = std::vector<std::uint8_t>;

struct GoldenCase {
  std::string name;
  std::vector<std::pair<std::string, Bytes>> lines;

  std::vector<Bytes> all(std::string_view kind) const {
    std::vector<Bytes> out;
    for (const auto& [line_kind, bytes] : lines) {
      if (line_kind == kind) out.push_back(bytes);
    }
    return out;
  }
};

// Empty when the file is missing or not of this form.
inline std::vector<GoldenCase> read_golden(const std::string& path) {
  std::ifstream file(path);
  std::vector<GoldenCase> out;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string kind;
    std::string value;
    words >> kind >> value;
    if (kind == "case") {
      out.push_back({.name = value, .lines = {}});
      continue;
    }
    Bytes bytes(value.size() / 2);
    if (out.empty() || !parse_hex(value, bytes)) return {};
    out.back().lines.emplace_back(kind, std::move(bytes));
  }
  return out;
}

}  // namespace warren::tunnel::testing
