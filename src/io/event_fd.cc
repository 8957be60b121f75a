#include "io/event_fd.h"

#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace warren::io {

Result<EventFd> EventFd::create() {
  FileDescriptor fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.is_open()) return unexpected(errno_error("make an eventfd", errno));
  return EventFd(std::move(fd));
}

Result<EventFd> EventFd::duplicate() const {
  FileDescriptor fd(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd.is_open()) return unexpected(errno_error("duplicate an eventfd", errno));
  return EventFd(std::move(fd));
}

void EventFd::signal() const {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then it is signalled already.
  static_cast<void>(!write(fd_.get(), &one, sizeof one));
}

bool EventFd::consume() const {
  std::uint64_t count = 0;
  return read(fd_.get(), &count, sizeof count) == sizeof count;
}

}  // namespace warren::io
