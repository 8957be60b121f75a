#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace warren::cli {

// Rows of cells in columns that are as wide as their widest cell, two spaces apart. Nothing is
// appended to the last cell of a row. Widths count code points, so names beyond ASCII line up too.
class TextTable {
 public:
  void add(std::vector<std::string> row) { rows_.push_back({.cells = std::move(row), .note = {}}); }

  // A line of its own below the last row.
  void note(std::string text) { rows_.push_back({.cells = {}, .note = std::move(text)}); }

  std::string text() const;

 private:
  struct Row {
    std::vector<std::string> cells;  // empty: a note
    std::string note;
  };

  std::vector<Row> rows_;
};

// What comes from other machines, for a terminal: control characters become '?'.
std::string printable(std::string_view text);

// "3m ago", "in 2h", "now": of one unit, rounded down.
std::string relative(const WallTime& time, const WallTime& now);
// relative(), or `none` for no time.
std::string relative(const std::optional<WallTime>& time, const WallTime& now, const char* none);
// "12.3ms", "45s", "3m12s".
std::string brief(Duration span);

}  // namespace warren::cli
