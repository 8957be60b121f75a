#include "wg/peer_timers.h"

#include <algorithm>
#include <utility>

#include "wg/constants.h"

namespace warren::wg {

namespace {

// True, and remembered, when the data path has moved the stamp since.
bool has_moved(const Stamp& stamp, TimePoint& seen) {
  const TimePoint at = stamp.get();
  return std::exchange(seen, at) != at;
}

}  // namespace

// Between two calls only the last packet of each kind is known. What came before it in the same
// interval (10 ms while a peer is active) moves a timer by no more than that.
void PeerTimers::update(const Activity& activity) {
  struct Event {
    TimePoint at;
    bool is_sent = false;
    bool is_data = false;
  };

  std::array<Event, 4> events;
  std::size_t count = 0;
  if (has_moved(activity.authenticated_received, authenticated_received_))
    events[count++] = {authenticated_received_, false, false};
  if (has_moved(activity.data_received, data_received_))
    events[count++] = {data_received_, false, true};
  if (has_moved(activity.authenticated_sent, authenticated_sent_))
    events[count++] = {authenticated_sent_, true, false};
  if (has_moved(activity.data_sent, data_sent_)) events[count++] = {data_sent_, true, true};
  const auto happened = std::span(events).first(count);
  std::ranges::sort(happened, {},
                    [](const Event& event) { return std::pair(event.at, event.is_sent); });
  for (const Event& event : happened) {
    if (event.is_sent) {
      on_sent(event.at, event.is_data);
    } else {
      on_received(event.at, event.is_data);
    }
  }
}

void PeerTimers::on_sent(TimePoint at, bool is_data) {
  on_traversal(at);
  // Section 6.5: a keepalive is owed only while nothing else is sent. The keepalive that the timer
  // itself caused does not take back that another is needed.
  if (at != keepalive_sent_) {
    disarm(Timer::Keepalive);
    another_keepalive_ = false;
  }
  // Section 6.5: data is sent and nothing is heard for keepalive timeout + rekey timeout: the
  // session is dead, make a new one.
  if (is_data && !is_armed(Timer::NewHandshake))
    deadline(Timer::NewHandshake) = at + kDeadPeerTimeout + jitter();
}

void PeerTimers::on_received(TimePoint at, bool is_data) {
  on_traversal(at);
  disarm(Timer::NewHandshake);
  // Section 6.5: data is received and nothing is sent back for keepalive timeout: send a keepalive.
  if (!is_data) return;
  if (is_armed(Timer::Keepalive)) {
    another_keepalive_ = true;
  } else {
    deadline(Timer::Keepalive) = at + kKeepaliveTimeout;
  }
}

void PeerTimers::on_traversal(TimePoint at) {
  if (persistent_keepalive_ > Duration::zero())
    deadline(Timer::PersistentKeepalive) = at + persistent_keepalive_;
}

void PeerTimers::on_handshake_received(TimePoint now) {
  on_received(now, false);
}

// Section 6.4: no response after rekey timeout: construct and send a new initiation.
void PeerTimers::on_initiation_sent(TimePoint now) {
  on_sent(now, false);
  disarm(Timer::DelayedInitiation);
  deadline(Timer::Retransmit) = now + kRekeyTimeout + jitter();
}

void PeerTimers::on_response_sent(TimePoint now) {
  on_sent(now, false);
}

// Section 6.3: after three times reject-after-time without a new session, all keys are erased.
void PeerTimers::on_session_derived(TimePoint now) {
  deadline(Timer::KeyWipe) = now + kKeyWipe;
}

void PeerTimers::on_handshake_complete() {
  disarm(Timer::Retransmit);
  disarm(Timer::DelayedInitiation);
  retries_ = 0;
}

// Section 6.4: initiations are repeated for rekey attempt time (90 s) before giving up. The count
// begins again when there is a new packet to send.
bool PeerTimers::count_retry() {
  if (retries_ > kMaxRetries) return false;
  ++retries_;
  return true;
}

void PeerTimers::delay_initiation(TimePoint until) {
  if (!is_armed(Timer::Retransmit)) deadline(Timer::DelayedInitiation) = until;
}

void PeerTimers::give_up(TimePoint now) {
  disarm(Timer::Retransmit);
  disarm(Timer::DelayedInitiation);
  disarm(Timer::Keepalive);
  another_keepalive_ = false;
  if (!is_armed(Timer::KeyWipe)) on_session_derived(now);
}

void PeerTimers::forget_session() {
  const TimePoint persistent = deadline(Timer::PersistentKeepalive);
  deadlines_.fill(kNever);
  deadline(Timer::PersistentKeepalive) = persistent;
  retries_ = 0;
  another_keepalive_ = false;
}

void PeerTimers::set_persistent_keepalive(Duration interval, TimePoint now) {
  persistent_keepalive_ = interval;
  disarm(Timer::PersistentKeepalive);
  on_traversal(now);
}

bool PeerTimers::is_used(TimePoint now) const {
  return attempting() || std::max(data_sent_, data_received_) > now - kDeadPeerTimeout;
}

TimePoint PeerTimers::next() const {
  return std::ranges::min(deadlines_);
}

std::optional<Timer> PeerTimers::take_due(TimePoint now) {
  const auto* const first = std::ranges::min_element(deadlines_);
  if (*first == kNever || *first > now) return std::nullopt;
  const auto timer = static_cast<Timer>(first - deadlines_.begin());
  disarm(timer);
  if (timer == Timer::PersistentKeepalive) on_traversal(now);
  if (timer == Timer::Keepalive) {
    keepalive_sent_ = now;
    if (std::exchange(another_keepalive_, false)) deadline(timer) = now + kKeepaliveTimeout;
  }
  return timer;
}

Duration PeerTimers::jitter() {
  return 1ms * static_cast<std::int64_t>(random_.below(kMaxTimerJitter / 1ms));
}

}  // namespace warren::wg
