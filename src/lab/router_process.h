#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "io/file_descriptor.h"
#include "lab/lab_files.h"
#include "lab/stop_signals.h"

// The router of a lab as a process of its own: `warren lab router` in the background.
namespace warren::lab {

// A router holds it as long as it runs; whoever removes a lab holds it so that none starts. The
// kernel knows who does (fcntl(2), record locks) and takes it back when the process ends, so no
// file can name a wrong process. One per process: a second one's end would take the first away.
class RouterLock {
 public:
  // AlreadyExists when another process has it, NotFound when the lab is gone.
  static Result<RouterLock> take(const LabFiles& files);

 private:
  explicit RouterLock(io::FileDescriptor fd) : fd_(std::move(fd)) {}

  io::FileDescriptor fd_;
};

// Of the lab; none: it does not run.
std::optional<pid_t> find_router(const LabFiles& files);

// Returns when packets pass, or when a signal comes. `lab`: its name.
Result<void> start_router(const LabFiles& files, const std::string& lab, const StopSignals& stop);

// Ends it, if there is one; with the lock in hand no other starts.
Result<RouterLock> end_router(const LabFiles& files);

// What start_router() waits for; called by the router.
void tell_ready();

}  // namespace warren::lab
