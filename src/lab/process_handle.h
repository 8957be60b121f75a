#pragma once

#include <optional>

#include <sys/types.h>

#include "io/file_descriptor.h"

namespace warren::lab {

// A process by a descriptor of its own: unlike its number, never another process.
class ProcessHandle {
 public:
  // Of the process that has this number now; none: there is none. Whoever knows more of the one it
  // means looks again after this.
  static std::optional<ProcessHandle> open(pid_t process);

  // Nothing happens to one that has ended.
  void send(int signal) const;

  // Returns when it has ended, or after this time.
  void wait(int milliseconds) const;

 private:
  explicit ProcessHandle(io::FileDescriptor fd) : fd_(std::move(fd)) {}

  io::FileDescriptor fd_;
};

}  // namespace warren::lab
