#pragma once

#include <algorithm>
#include <cstddef>

#include "base/time.h"

namespace warren {

// A token bucket as the time at which it will be full: one number instead of tokens and an age.
// A new one is full.
class TokenBucket {
 public:
  bool is_full(TimePoint now) const { return full_at_ <= now; }

  // One token comes every `interval`, and `burst` fit. False when there is none.
  bool take(Duration interval, std::size_t burst, TimePoint now) {
    const TimePoint full_after = std::max(full_at_, now) + interval;
    if (full_after > now + interval * static_cast<Duration::rep>(burst)) return false;
    full_at_ = full_after;
    return true;
  }

  // Takes the next token, whenever it comes, and says when that is: not after `now` when there is
  // one already.
  TimePoint reserve(Duration interval, std::size_t burst, TimePoint now) {
    full_at_ = std::max(full_at_, now) + interval;
    return full_at_ - interval * static_cast<Duration::rep>(burst);
  }

 private:
  TimePoint full_at_;
};

}  // namespace warren
