#pragma once

#include <vector>

#include "base/result.h"
#include "io/file_descriptor.h"
#include "io/rule.h"

namespace warren::io {

struct RuleChanges {
  std::vector<Rule> removed;
  bool missed = false;  // the kernel dropped news: ask list_rules()
  bool more = false;    // the bound was reached: call drain() again
};

// News of policy routing rules that somebody removed. Use from one thread.
class RuleMonitor {
 public:
  static constexpr std::size_t kMaxDatagrams = 64;  // a drain

  static Result<RuleMonitor> open();

  int fd() const { return fd_.get(); }  // readable when there is news; never blocks

  RuleChanges drain();

 private:
  explicit RuleMonitor(FileDescriptor fd) : fd_(std::move(fd)), buffer_(32768) {}

  FileDescriptor fd_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace warren::io
