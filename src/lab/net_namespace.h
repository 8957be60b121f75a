#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_descriptor.h"

namespace warren::lab {

// A name in /run/netns, a process id or a path, as the path of a network namespace.
std::string namespace_path(std::string_view network);

// While it lives, the calling thread is in another network namespace: what it opens meanwhile stays
// there.
class NamespaceVisit {
 public:
  static Result<NamespaceVisit> enter(const std::string& path);
  // A new one, with nothing in it but a loopback interface that is down.
  static Result<NamespaceVisit> create();

  NamespaceVisit(NamespaceVisit&&) noexcept = default;
  NamespaceVisit& operator=(NamespaceVisit&&) = delete;
  ~NamespaceVisit();

 private:
  explicit NamespaceVisit(io::FileDescriptor home) : home_(std::move(home)) {}

  io::FileDescriptor home_;
};

}  // namespace warren::lab
