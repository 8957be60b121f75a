#pragma once

#include <algorithm>

#include "base/time.h"
#include "base/token_bucket.h"

namespace warren::node {

// When rules that others removed are made again (spec: node-features section 5.2): after a moment,
// because whoever removes one removes all; and not without end, because two programs that each
// undo what the other does must not fight at full speed.
class RestoreSchedule {
 public:
  static constexpr Duration kWait = 250ms;
  static constexpr Duration kInterval = 5s;
  static constexpr std::size_t kBurst = 10;

  void on_removed(TimePoint now) {
    if (due_ != kNever) return;
    due_ = now + kWait;
    due_ = std::max(due_, limit_.reserve(kInterval, kBurst, due_));
  }

  // True: restore now.
  bool on_timeout(TimePoint now) {
    if (now < due_) return false;
    due_ = kNever;
    return true;
  }

  TimePoint next_timeout() const { return due_; }

 private:
  TimePoint due_ = kNever;
  TokenBucket limit_;
};

}  // namespace warren::node
