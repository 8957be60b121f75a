#include "sim/virtual_time.h"

#include <algorithm>

namespace warren::sim {

void VirtualTime::at(TimePoint when, std::function<void()> event) {
  events_.emplace(std::pair(std::max(when, now_), sequence_++), std::move(event));
}

void VirtualTime::run_until(TimePoint until) {
  while (!events_.empty() && events_.begin()->first.first <= until) {
    auto node = events_.extract(events_.begin());
    now_ = node.key().first;
    node.mapped()();
  }
  now_ = until;
}

WallTime VirtualWallClock::now() const {
  const Duration since_1970 = time_.now().time_since_epoch() + offset_;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  return {.seconds = seconds.count(),
          .nanoseconds = static_cast<std::uint32_t>((since_1970 - seconds).count())};
}

}  // namespace warren::sim
