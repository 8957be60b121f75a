#include "path/liveness.h"

#include <algorithm>

#include "path/constants.h"

namespace warren::path {

void Liveness::install(Duration latency, TimePoint now) {
  const TimePoint next_relayed_doubt = next_relayed_doubt_;
  *this = {};
  next_relayed_doubt_ = next_relayed_doubt;
  latency_ = latency;
  on_pong(latency, now);
}

void Liveness::on_pong(Duration latency, TimePoint now) {
  latency_ = (latency_ * 7 + latency) / 8;  // as TCP smooths its round trip (RFC 6298 section 2)
  trusted_until_ = now + kTrust;
  last_proof_ = now;
  unanswered_since_.reset();
  doubted_since_.reset();
  probes_ = 0;
  next_probe_ = kNever;
}

void Liveness::on_traffic(TimePoint at) {
  last_proof_ = std::max(last_proof_, at);
  if (doubted_since_ || !unanswered_since_ || at < *unanswered_since_) return;
  unanswered_since_.reset();
  probes_ = 0;
  next_probe_ = kNever;
}

void Liveness::on_sent(TimePoint at) {
  if (!unanswered_since_ && at > last_proof_) unanswered_since_ = at;
}

// Not often: a peer that has found no direct path to us sends everything through the relay.
void Liveness::on_relayed(TimePoint now) {
  if (in_doubt(now) || now < next_relayed_doubt_) return;
  if (now - last_proof_ < std::max(kSuspicion, 3 * latency_)) return;
  next_relayed_doubt_ = now + kTrust;
  doubt(now);
}

void Liveness::doubt(TimePoint now) {
  if (doubted_since_) return;
  doubted_since_ = now;
  doubt_interval_ = probe_interval();
  next_probe_ = now;
}

Duration Liveness::probe_interval() const {
  return std::max(kProbeInterval, 2 * latency_);
}

TimePoint Liveness::suspect_at() const {
  return unanswered_since_ ? *unanswered_since_ + std::max(kSuspicion, 3 * latency_) : kNever;
}

bool Liveness::on_timeout(TimePoint now) {
  if (!doubted_since_ && now > trusted_until_) doubt(trusted_until_);
  if (!doubted_since_ && probes_ == kProbes && now >= next_probe_) doubt(now);
  if (now < next_timeout()) return false;
  if (doubted_since_) {
    next_probe_ = now + doubt_interval_;
    doubt_interval_ = std::min(doubt_interval_ * 2, kDoubtProbeMax);
    return true;
  }
  ++probes_;
  next_probe_ = now + probe_interval();
  return true;
}

TimePoint Liveness::next_timeout() const {
  if (doubted_since_) return next_probe_;
  const TimePoint expiry = trusted_until_ + Duration(1);
  if (!unanswered_since_) return expiry;
  return std::min(expiry, probes_ == 0 ? suspect_at() : next_probe_);
}

}  // namespace warren::path
