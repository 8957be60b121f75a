#pragma once

#include <vector>

#include "base/result.h"
#include "io/file_descriptor.h"
#include "io/link.h"

namespace warren::io {

struct LinkChanges {
  std::vector<Link> changed;  // their state now; one interface may be in it several times
  std::vector<unsigned> removed;
  bool missed = false;  // the kernel dropped news: ask list_links()
  bool more = false;    // the bound was reached: call drain() again
};

// News about interfaces: their MTU, whether they are up, that they are gone. Use from one thread.
class LinkMonitor {
 public:
  static constexpr std::size_t kMaxDatagrams = 64;  // a drain

  static Result<LinkMonitor> open();

  int fd() const { return fd_.get(); }  // readable when there is news; never blocks

  LinkChanges drain();

 private:
  explicit LinkMonitor(FileDescriptor fd) : fd_(std::move(fd)), buffer_(32768) {}

  FileDescriptor fd_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace warren::io
