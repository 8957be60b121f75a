#pragma once

#include <cstddef>

#include "base/time.h"

namespace warren::path {

// When a peer without a direct path is probed (spec: paths section 9.6): a round pings all its
// candidates and calls it through the relay; soon after, when the peer's own pings may have opened
// the way, the pings are repeated. Rounds go on until stopped, further and further apart. Not every
// one calls: a stock peer that is called pings at once, and calls us itself only when it has not
// pinged for five seconds.
class Discovery {
 public:
  struct Due {
    bool ping = false;
    bool call = false;
  };

  // A round now, and the intervals from the beginning. `round_trip` to the peer by the relay.
  void start(Duration round_trip, TimePoint now);
  // Pings now and their repetitions, between the rounds: the peer called.
  void ping(Duration round_trip, TimePoint now);
  void stop();

  // The last start() that no stop() followed.
  TimePoint began() const { return began_; }

  bool running() const { return next_round_ != kNever; }

  Due take(TimePoint now);
  TimePoint next_timeout() const;

 private:
  Duration round_trip_{};
  Duration interval_{};
  TimePoint next_round_ = kNever;
  TimePoint next_ping_ = kNever;
  TimePoint pings_began_;
  std::size_t pings_ = 0;  // since then
  TimePoint began_;
  TimePoint last_call_ = TimePoint::min();
};

}  // namespace warren::path
