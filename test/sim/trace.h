#pragma once

#include <deque>
#include <string>

#include "base/time.h"

namespace warren::sim {

// What happened last, for people who look at a failed seed. Bounded: the oldest lines go.
class Trace {
 public:
  explicit Trace(std::size_t max_lines = 400) : max_lines_(max_lines) {}

  void line(TimePoint now, std::string_view who, std::string_view what);
  std::string text() const;

 private:
  const std::size_t max_lines_;
  std::deque<std::string> lines_;
};

}  // namespace warren::sim
