#pragma once

#include "base/result.h"
#include "io/file_descriptor.h"
#include "lab/lab_files.h"

namespace warren::lab {

// Held by whoever makes or removes a lab, for as long as that takes. It goes with its process.
class LabLock {
 public:
  // Makes the lab's directory if need be. Waits a little for another `warren lab` to finish.
  static Result<LabLock> take(const LabFiles& files);

  // The lab's directory with all that is in it; last of all the lock.
  Result<void> remove_directory(const LabFiles& files);

 private:
  explicit LabLock(io::FileDescriptor fd) : fd_(std::move(fd)) {}

  io::FileDescriptor fd_;
};

}  // namespace warren::lab
