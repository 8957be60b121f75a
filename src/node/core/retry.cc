#include "node/core/retry.h"

#include <algorithm>

namespace warren::node {
namespace {

constexpr Duration kFirstStep = 50ms;
constexpr Duration kQuickCap = 500ms;  // half of the second that a restart may cost
constexpr Duration kQuickFor = 30s;
constexpr Duration kCap = 30s;  // as stock clients (spec: control section 4.2)
constexpr unsigned kMostDoublings = 16;

}  // namespace

Duration Retry::next(TimePoint now) {
  if (since_ == kNever) since_ = now;
  const Duration away = now - since_;
  // In proportion to how long it has been away: an outage is noticed to be over within a tenth.
  const Duration cap = away < kQuickFor ? kQuickCap : std::min(kCap, away / 10);
  const Duration step =
      std::min(cap, kFirstStep * (std::int64_t{1} << std::min(failures_, kMostDoublings)));
  ++failures_;
  return Duration(static_cast<std::int64_t>(
      random_.below(static_cast<std::uint64_t>(std::max<Duration>(step, kFirstStep).count()))));
}

}  // namespace warren::node
