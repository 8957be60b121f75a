#pragma once

#include <array>
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "wg/data_peer.h"

namespace warren::wg {

enum class Timer : std::uint8_t {
  Retransmit,           // the initiation went unanswered
  DelayedInitiation,    // one was wanted before the spacing allowed it
  NewHandshake,         // data was sent and nothing heard
  Keepalive,            // data was received and nothing sent
  PersistentKeepalive,  // nothing was sent or received
  KeyWipe,              // no session was made for long
};

// When a peer's timers fire: the rules of paths section 1.7, which are section 6 of the WireGuard
// paper as deployed. It sends nothing; the engine acts on what take_due() returns.
//
// Packets are not events here: update() reads the data path's stamps, in the order of their times,
// a received one before one sent at the same time. The engine calls it before each event of the
// peer and before it acts on a deadline.
class PeerTimers {
 public:
  explicit PeerTimers(Random& random) : random_(random) { deadlines_.fill(kNever); }

  // --- what happened
  void update(const Activity& activity);
  void on_handshake_received(TimePoint now);  // an authenticated initiation or response
  void on_initiation_sent(TimePoint now);     // or would have been, had there been an endpoint
  void on_response_sent(TimePoint now);
  void on_session_derived(TimePoint now);
  void on_handshake_complete();  // response consumed, or key confirmed

  // --- what the engine decides
  // A new reason to shake hands: the count of attempts begins again.
  void begin_attempts() { retries_ = 0; }

  // After Timer::Retransmit. False: that was the last attempt.
  bool count_retry();
  void delay_initiation(TimePoint until);  // unless a retransmission comes anyway
  void give_up(TimePoint now);             // stops the attempts
  void forget_session();                   // keys and handshake were erased
  void set_persistent_keepalive(Duration interval, TimePoint now);  // zero: off

  Duration persistent_keepalive() const { return persistent_keepalive_; }

  // A handshake is under way, so packets may be staged.
  bool attempting() const {
    return is_armed(Timer::Retransmit) || is_armed(Timer::DelayedInitiation);
  }

  // A session is wanted, or data was sent or received as long ago as a dead one is waited for.
  bool is_used(TimePoint now) const;

  TimePoint next() const;

  // The timer that was due first, disarmed; the keepalives rearm themselves as their rules say.
  std::optional<Timer> take_due(TimePoint now);

 private:
  TimePoint& deadline(Timer timer) { return deadlines_[static_cast<std::size_t>(timer)]; }

  bool is_armed(Timer timer) const { return deadlines_[static_cast<std::size_t>(timer)] != kNever; }

  void disarm(Timer timer) { deadline(timer) = kNever; }

  void on_sent(TimePoint at, bool is_data);
  void on_received(TimePoint at, bool is_data);
  void on_traversal(TimePoint at);
  Duration jitter();

  Random& random_;
  std::array<TimePoint, 6> deadlines_{};
  Duration persistent_keepalive_{};
  unsigned retries_ = 0;
  bool another_keepalive_ = false;           // more data came while the keepalive was pending
  TimePoint keepalive_sent_ = Stamp::kNone;  // by the timer

  // The stamps that were processed.
  TimePoint data_sent_ = Stamp::kNone;
  TimePoint authenticated_sent_ = Stamp::kNone;
  TimePoint data_received_ = Stamp::kNone;
  TimePoint authenticated_received_ = Stamp::kNone;
};

}  // namespace warren::wg
