#pragma once

#include <string>

#include "base/result.h"
#include "io/file_descriptor.h"

namespace warren::node {

// One node for a network namespace, whose routes and rules it has, and one for a state directory,
// whose keys it has. Held until it is destroyed, or the process ends in whatever way.
class InstanceLock {
 public:
  // AlreadyExists when another node has either.
  static Result<InstanceLock> take(const std::string& state_directory);
  // The network namespace alone, for whoever only cleans up.
  static Result<InstanceLock> take();

 private:
  io::FileDescriptor network_;
  io::FileDescriptor state_;
};

}  // namespace warren::node
