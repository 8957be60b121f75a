#include "relay/client/back_off.h"

#include <algorithm>
#include <utility>

#include "relay/client/constants.h"

namespace warren::relay::client {

Duration BackOff::next() {
  if (restart_wait_ > 0ns) {
    // All its clients got the same number: spread them over as long again.
    const Duration wait = std::exchange(restart_wait_, 0ns);
    return wait + random_below(wait);
  }
  if (failures_++ == 0) return random_below(kFirstRetryJitter);
  constexpr unsigned kDoublings = 5;  // 250 ms << 5 is past the cap
  return random_below(
      std::min(kRetryStep * (1U << std::min(failures_ - 2, kDoublings)), kRetryCap));
}

void BackOff::on_restarting(Duration reconnect_in) {
  restart_wait_ = std::clamp<Duration>(reconnect_in, kFirstRetryJitter, kMaxRestartWait);
}

Duration BackOff::random_below(Duration bound) {
  return Duration(
      static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(bound.count()))));
}

}  // namespace warren::relay::client
