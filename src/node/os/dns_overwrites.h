#pragma once

#include <algorithm>

#include "base/time.h"

namespace warren::node {

// When what the host was told is told again, because others overwrote it (spec: node-features
// section 4.7): after a moment, since they may not be done; and when they do it again soon, not
// before a minute has passed: whoever insists wins, and a person is told. Pure.
class DnsOverwrites {
 public:
  static constexpr Duration kSettle = 500ms;
  static constexpr Duration kFight = 30s;  // twice within it: somebody insists
  static constexpr Duration kTruce = 60s;

  void on_overwritten(TimePoint now) {
    is_fought_ = restored_at_ != kNever && now - restored_at_ < kFight;
    due_ = now + (is_fought_ ? kTruce : kSettle);
  }

  // True: tell it again now.
  bool on_timeout(TimePoint now) {
    if (now < due_) return false;
    due_ = kNever;
    restored_at_ = now;
    return true;
  }

  TimePoint next_timeout() const { return due_; }

  // Others overwrite it whenever we tell it. Until it holds again.
  bool is_fought() const { return is_fought_; }

  // It is as we told it. What is due is not needed any more.
  void on_holding(TimePoint now) {
    due_ = kNever;
    if (restored_at_ == kNever || now - restored_at_ >= kFight) is_fought_ = false;
  }

 private:
  TimePoint due_ = kNever;
  TimePoint restored_at_ = kNever;
  bool is_fought_ = false;
};

}  // namespace warren::node
