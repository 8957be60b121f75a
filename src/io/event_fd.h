#pragma once

#include "base/result.h"
#include "io/file_descriptor.h"

namespace warren::io {

// Wakes a thread that waits in poll or epoll. signal() from any thread.
class EventFd {
 public:
  static Result<EventFd> create();
  // The same event under a descriptor of its own: for one who signals it and may outlive this.
  Result<EventFd> duplicate() const;

  int fd() const { return fd_.get(); }  // readable once signalled

  void signal() const;
  // Makes it unreadable again. True when it had been signalled.
  bool consume() const;

 private:
  explicit EventFd(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

}  // namespace warren::io
