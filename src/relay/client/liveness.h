#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "proto/relay/frames.h"

namespace warren::relay::client {

// Decides when a relay that says nothing is asked whether it lives, and when it is given up.
//
// It is asked (with a Ping frame, which every server answers) kQuietAfterWrite after something was
// written and nothing came back, after kQuietIdle in any case, and at once by check(). It is given
// up when then nothing at all comes for as long as the measured round trips make plausible.
class Liveness {
 public:
  enum class Verdict : std::uint8_t { Wait, Ping, Dead };

  void start(Duration round_trip, TimePoint now);

  void on_heard(TimePoint now);
  void on_written(TimePoint now);

  // Due now, whatever was heard; while a ping is under way, after its answer.
  void check(TimePoint now) { check_ = now; }

  // The answer to Ping: remember what was sent.
  void on_ping_sent(const PingData& data, TimePoint now);
  // False: it answers nothing that waits for an answer.
  bool on_pong(const PingData& data, TimePoint now);

  Verdict verdict(TimePoint now) const;
  TimePoint next_timeout() const;

  Duration round_trip() const { return round_trip_; }

  // How long an answer may take: RFC 6298 section 2, within kMinPongWait and kMaxPongWait.
  Duration pong_wait() const;

 private:
  struct Asked {
    PingData data{};
    TimePoint at;
  };

  TimePoint heard_;
  TimePoint unanswered_ = kNever;  // the first write since we heard something
  std::optional<Asked> asked_;
  TimePoint check_ = kNever;  // when check() was called, until a ping went out for it
  Duration round_trip_{};     // smoothed, and its deviation
  Duration deviation_{};
};

}  // namespace warren::relay::client
