#include "io/timer_fd.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <sys/timerfd.h>
#include <unistd.h>

namespace warren::io {

Result<TimerFd> TimerFd::create() {
  FileDescriptor fd(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd.is_open()) return unexpected(errno_error("make a timer", errno));
  return TimerFd(std::move(fd));
}

void TimerFd::arm(TimePoint deadline) const {
  itimerspec setting{};
  if (deadline != kNever) {
    // All zeros would disarm.
    const Duration since_boot = std::max<Duration>(deadline.time_since_epoch(), 1ns);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    setting.it_value.tv_sec = seconds.count();
    setting.it_value.tv_nsec = (since_boot - seconds).count();
  }
  // It can fail only for a descriptor that is no timer or a time that cannot be.
  static_cast<void>(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &setting, nullptr));
}

bool TimerFd::consume() const {
  std::uint64_t count = 0;
  return read(fd_.get(), &count, sizeof count) == sizeof count;
}

}  // namespace warren::io
