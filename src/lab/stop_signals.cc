#include "lab/stop_signals.h"

#include <cerrno>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace warren::lab {

Result<StopSignals> StopSignals::hold() {
  sigset_t stops;
  sigemptyset(&stops);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stops, signal);
  io::FileDescriptor fd(signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return unexpected(errno_error("wait for signals", errno));
  sigset_t before;
  if (sigprocmask(SIG_BLOCK, &stops, &before) != 0) {
    return unexpected(errno_error("hold signals", errno));
  }
  return StopSignals(std::move(fd), before);
}

StopSignals::~StopSignals() {
  if (!fd_.is_open()) return;  // moved away
  // What came meanwhile has had its effect.
  signalfd_siginfo ignored{};
  while (read(fd_.get(), &ignored, sizeof ignored) > 0) {
  }
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool StopSignals::has_come() const {
  pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return poll(&ready, 1, 0) > 0;
}

}  // namespace warren::lab
