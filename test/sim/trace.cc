#include "sim/trace.h"

#include <fmt/format.h>

namespace warren::sim {

void Trace::line(TimePoint now, std::string_view who, std::string_view what) {
  const std::chrono::duration<double> seconds = now.time_since_epoch();
  lines_.push_back(fmt::format("{:12.6f} {:>8} {}\n", seconds.count(), who, what));
  if (lines_.size() > max_lines_) lines_.pop_front();
}

std::string Trace::text() const {
  std::string out;
  for (const std::string& line : lines_) out += line;
  return out;
}

}  // namespace warren::sim
