#include "relay/client/liveness.h"

#include <algorithm>

#include "relay/client/constants.h"

namespace warren::relay::client {

void Liveness::start(Duration round_trip, TimePoint now) {
  *this = {};
  heard_ = now;
  round_trip_ = round_trip > 0ns ? round_trip : kUnknownRoundTrip;
  deviation_ = round_trip_ / 2;
}

void Liveness::on_heard(TimePoint now) {
  heard_ = now;
  unanswered_ = kNever;
}

void Liveness::on_written(TimePoint now) {
  if (unanswered_ == kNever) unanswered_ = now;
}

void Liveness::on_ping_sent(const PingData& data, TimePoint now) {
  asked_ = Asked{.data = data, .at = now};
  check_ = kNever;
}

bool Liveness::on_pong(const PingData& data, TimePoint now) {
  if (!asked_ || asked_->data != data) return false;
  const Duration sample = now - asked_->at;
  deviation_ = (deviation_ * 3 + std::chrono::abs(round_trip_ - sample)) / 4;
  round_trip_ = (round_trip_ * 7 + sample) / 8;
  asked_.reset();
  return true;
}

Liveness::Verdict Liveness::verdict(TimePoint now) const {
  if (now < next_timeout()) return Verdict::Wait;
  return asked_ ? Verdict::Dead : Verdict::Ping;
}

TimePoint Liveness::next_timeout() const {
  if (asked_) return std::max(asked_->at, heard_) + pong_wait();
  const TimePoint due = std::min(check_, heard_ + kQuietIdle);
  if (unanswered_ == kNever) return due;
  return std::min(due, unanswered_ + std::max(kQuietAfterWrite, 2 * round_trip_));
}

Duration Liveness::pong_wait() const {
  return std::clamp<Duration>(round_trip_ + 4 * deviation_, kMinPongWait, kMaxPongWait);
}

}  // namespace warren::relay::client
