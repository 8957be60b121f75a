#pragma once

#include <functional>
#include <map>
#include <utility>

#include "base/time.h"

namespace warren::sim {

// The only clock of a simulated world, and its queue of events. Equal times run in the order they
// were scheduled, so a run depends on its seed alone.
class VirtualTime {
 public:
  TimePoint now() const { return now_; }

  // A time that has passed means now.
  void at(TimePoint when, std::function<void()> event);

  void after(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }

  // Runs what is due up to and including `until`, and stands there.
  void run_until(TimePoint until);

  void run_for(Duration time) { run_until(now_ + time); }

  std::size_t pending() const { return events_.size(); }

 private:
  TimePoint now_ = TimePoint(1000s);
  std::uint64_t sequence_ = 0;
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> events_;
};

// A host's idea of the date: moves with virtual time, and can be set wrong.
class VirtualWallClock final : public WallClock {
 public:
  explicit VirtualWallClock(const VirtualTime& time) : time_(time) {}

  WallTime now() const override;

  void step(Duration by) { offset_ += by; }

 private:
  const VirtualTime& time_;
  Duration offset_ = 1'700'000'000s;  // in November 2023
};

}  // namespace warren::sim
