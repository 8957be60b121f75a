#include "path/discovery.h"

#include <algorithm>

#include "path/constants.h"

namespace warren::path {

void Discovery::start(Duration round_trip, TimePoint now) {
  round_trip_ = round_trip;
  interval_ = kFirstRound;
  next_round_ = now;
  began_ = now;
}

void Discovery::ping(Duration round_trip, TimePoint now) {
  round_trip_ = std::max(round_trip, 2 * kPingSpacing);
  pings_began_ = now;
  pings_ = 0;
  next_ping_ = now;
}

void Discovery::stop() {
  *this = {};
}

Discovery::Due Discovery::take(TimePoint now) {
  Due due;
  if (now >= next_round_) {
    due.call = now - began_ <= kQuickCalls || last_call_ <= now - kCallPause;
    if (due.call) last_call_ = now;
    ping(round_trip_, now);
    next_round_ = now + interval_;
    interval_ = std::min(interval_ * 2, kLastRound);
  }
  if (now >= next_ping_) {
    due.ping = true;
    // At half a round trip, one, two, four, ... after the first.
    const Duration offset = round_trip_ * (std::int64_t{1} << pings_) / 2;
    ++pings_;
    next_ping_ = offset <= kRepings ? std::max(pings_began_ + offset, now + kPingSpacing) : kNever;
  }
  return due;
}

TimePoint Discovery::next_timeout() const {
  return std::min(next_round_, next_ping_);
}

}  // namespace warren::path
