#pragma once

#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the tests of this folder share.
namespace warren::control {

// The lines of a file in testdata/: what is before the first space, and what is behind.
inline std::vector<std::pair<std::string, std::string>> recorded(const std::string& name) {
  std::ifstream in(std::string(WARREN_SOURCE_DIR) + "/src/proto/control/testdata/" + name);
  std::vector<std::pair<std::string, std::string>> out;
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.find(' ');
    if (line.starts_with('#') || space == std::string::npos) continue;
    out.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return out;
}

}  // namespace warren::control
