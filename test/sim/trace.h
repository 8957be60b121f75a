#pragma once

#include <deque>
#include <string>

#include "base/time.h"

namespace warren::sim {

// What happened last, for people who look at a failed seed. Bounded: the oldest lines go.
class Trace {
 public:
  static constexpr std::size_t kMaxLines = 400;

  void line(TimePoint now, std::string_view who, std::string_view what);
  std::string text() const;

 private:
  std::deque<std::string> lines_;
};

}  // namespace warren::sim
