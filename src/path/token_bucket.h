#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace warren::path {

// Allows `burst` events at once and `per_second` in the long run.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  bool take(TimePoint now) {
    if (last_ != TimePoint::min() && now > last_) {
      const double seconds = std::chrono::duration<double>(now - last_).count();
      tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
    }
    last_ = std::max(last_, now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  TimePoint last_ = TimePoint::min();
};

}  // namespace warren::path
