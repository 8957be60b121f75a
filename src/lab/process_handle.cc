#include "lab/process_handle.h"

#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warren::lab {

// By number: <sys/pidfd.h> of glibc 2.36 does not link with C++.
std::optional<ProcessHandle> ProcessHandle::open(pid_t process) {
  io::FileDescriptor fd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!fd.is_open()) return std::nullopt;
  return ProcessHandle(std::move(fd));
}

void ProcessHandle::send(int signal) const {
  // Root may signal anybody, so it fails only for one that has ended.
  static_cast<void>(syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0));
}

void ProcessHandle::wait(int milliseconds) const {
  pollfd ended{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  while (poll(&ended, 1, milliseconds) < 0 && errno == EINTR) {
  }
}

}  // namespace warren::lab
