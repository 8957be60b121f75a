#include "relay/client/back_off.h"

#include <algorithm>
#include <utility>

#include "relay/client/constants.h"

namespace warren::relay::client {

Duration BackOff::next(Ended last, TimePoint now) {
  if (restart_wait_ > 0ns) {
    // All its clients may have got the same number: spread them over as long again.
    const Duration told = std::exchange(restart_wait_, 0ns);
    const Duration wait = told + random_below(told);
    if (now < quick_until_) quick_until_ += wait;  // nobody is there any sooner
    return wait;
  }
  const Duration wait = random_below(step());
  const bool is_quick = last == Ended::Unanswered && now < quick_until_;
  if (!is_quick || step() < kQuickRetryStep) ++failures_;
  return wait;
}

void BackOff::on_lost(TimePoint now) {
  failures_ = 0;
  quick_until_ = now + kQuickRetries;
}

Duration BackOff::step() const {
  if (failures_ == 0) return kFirstRetryJitter;
  constexpr unsigned kDoublings = 5;  // 250 ms << 5 is past the cap
  return std::min(kRetryStep * (1U << std::min(failures_ - 1, kDoublings)), kRetryCap);
}

void BackOff::on_restarting(Duration reconnect_in) {
  restart_wait_ = std::clamp<Duration>(reconnect_in, kFirstRetryJitter, kMaxRestartWait);
}

Duration BackOff::random_below(Duration bound) {
  return Duration(
      static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(bound.count()))));
}

}  // namespace warren::relay::client
