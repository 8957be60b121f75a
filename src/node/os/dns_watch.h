#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_descriptor.h"

namespace warren::node {

// Tells that files or directories changed (inotify). Use from one thread.
class DnsWatch {
 public:
  static Result<DnsWatch> open();

  int fd() const { return fd_.get(); }  // readable when there is news; never blocks

  // From now on these, and no others. Those that are not there are left out.
  void watch(const std::vector<std::string>& paths);

  // Whether something changed.
  bool drain();

 private:
  explicit DnsWatch(io::FileDescriptor fd) : fd_(std::move(fd)) {}

  io::FileDescriptor fd_;
  std::vector<int> watches_;
};

}  // namespace warren::node
