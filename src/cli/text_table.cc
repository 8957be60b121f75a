#include "cli/text_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace warren::cli {

namespace {

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

constexpr std::size_t kGap = 2;

}  // namespace

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    if (widths.size() < row.cells.size()) widths.resize(row.cells.size());
    for (std::size_t i = 0; i + 1 < row.cells.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row.cells[i]));
  }
  std::string out;
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      out += row.cells[i];
      if (i + 1 < row.cells.size()) out.append(widths[i] - width_of(row.cells[i]) + kGap, ' ');
    }
    out += row.note;
    while (out.ends_with(' ')) out.pop_back();
    out.push_back('\n');
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return out;
}

std::string relative(const WallTime& time, const WallTime& now) {
  using Unit = std::pair<std::int64_t, char>;
  constexpr std::array kUnits = {Unit{86'400, 'd'}, Unit{3'600, 'h'}, Unit{60, 'm'}, Unit{1, 's'}};
  const std::int64_t difference = time.seconds - now.seconds;
  const std::int64_t size = difference < 0 ? -difference : difference;
  for (const auto& [seconds, unit] : kUnits) {
    if (size < seconds) continue;
    return difference < 0 ? fmt::format("{}{} ago", size / seconds, unit)
                          : fmt::format("in {}{}", size / seconds, unit);
  }
  return "now";
}

std::string relative(const std::optional<WallTime>& time, const WallTime& now, const char* none) {
  return time ? relative(*time, now) : std::string(none);
}

std::string brief(Duration span) {
  using std::chrono::duration_cast;
  if (span < 1s)
    return fmt::format("{:.1f}ms", std::chrono::duration<double, std::milli>(span).count());
  const std::int64_t seconds = duration_cast<std::chrono::seconds>(span).count();
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3'600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{}m", seconds / 3'600, seconds / 60 % 60);
}

}  // namespace warren::cli
