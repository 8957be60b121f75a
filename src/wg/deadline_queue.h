#pragma once

#include <optional>
#include <set>
#include <utility>

#include "base/time.h"
#include "wg/data_peer.h"

namespace warren::wg {

// The next deadline of every peer that has one, earliest first. Moving one costs O(log n); equal
// deadlines come in the order of ids, so a run can be repeated.
class DeadlineQueue {
 public:
  // Replaces the peer's deadline `old`, kNever: none.
  void move(PeerId peer, TimePoint old, TimePoint deadline) {
    if (old == deadline) return;
    if (old == kNever) {
      queue_.emplace(deadline, peer);
      return;
    }
    auto node = queue_.extract({old, peer});
    if (deadline == kNever) return;
    node.value() = {deadline, peer};
    queue_.insert(std::move(node));
  }

  TimePoint next() const { return queue_.empty() ? kNever : queue_.begin()->first; }

  // The first peer whose deadline has come.
  std::optional<PeerId> due(TimePoint now) const {
    if (next() > now || queue_.empty()) return std::nullopt;
    return queue_.begin()->second;
  }

 private:
  std::set<std::pair<TimePoint, PeerId>> queue_;
};

}  // namespace warren::wg
