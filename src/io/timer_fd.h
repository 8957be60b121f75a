#pragma once

#include "base/result.h"
#include "base/time.h"
#include "io/file_descriptor.h"

namespace warren::io {

// A deadline on CLOCK_BOOTTIME (io/clock.h) as a descriptor for poll, epoll or Asio. Armed anew for
// each deadline; a suspended machine wakes to a timer that is due.
class TimerFd {
 public:
  static Result<TimerFd> create();

  int fd() const { return fd_.get(); }  // readable from the deadline on

  // Replaces the deadline; one in the past is due at once, kNever disarms.
  void arm(TimePoint deadline) const;
  // Makes it unreadable until it is armed again. True when it was due.
  bool consume() const;

 private:
  explicit TimerFd(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

}  // namespace warren::io
