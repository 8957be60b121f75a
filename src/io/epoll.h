#pragma once

#include <cstdint>
#include <span>

#include <sys/epoll.h>

#include "base/result.h"
#include "io/file_descriptor.h"

namespace warren::io {

// The kernel's struct is packed, so its members may be read but not referred to.
inline std::uint64_t tag_of(const epoll_event& event) {
  return event.data.u64;
}

// Waits for several descriptors, level-triggered. `tag` comes back with the event.
class Epoll {
 public:
  static Result<Epoll> create();

  int fd() const { return fd_.get(); }  // readable while anything in it is ready

  Result<void> add(int fd, std::uint32_t events, std::uint64_t tag);
  Result<void> modify(int fd, std::uint32_t events, std::uint64_t tag);
  Result<void> remove(int fd);

  // What is ready, at most events.size(), in the front of `events`; empty after the timeout or a
  // signal. A timeout of -1 waits for ever.
  std::span<epoll_event> wait(std::span<epoll_event> events, int timeout_milliseconds) const;

 private:
  explicit Epoll(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

}  // namespace warren::io
