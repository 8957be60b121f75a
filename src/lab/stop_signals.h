#pragma once

#include <csignal>

#include <sys/types.h>

#include "base/result.h"
#include "io/file_descriptor.h"

namespace warren::lab {

// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process: they can be asked for, so that
// what was begun is undone first. For a program with one thread.
class StopSignals {
 public:
  static Result<StopSignals> hold();

  StopSignals(StopSignals&& other) noexcept = default;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  // Readable when one has come.
  int fd() const { return fd_.get(); }

  bool has_come() const;

 private:
  StopSignals(io::FileDescriptor fd, const sigset_t& before)
      : fd_(std::move(fd)), before_(before) {}

  io::FileDescriptor fd_;
  sigset_t before_;
};

}  // namespace warren::lab
