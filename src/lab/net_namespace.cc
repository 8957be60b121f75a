#include "lab/net_namespace.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sched.h>

#include <fmt/format.h>

namespace warren::lab {

namespace {

Result<io::FileDescriptor> open_namespace(const std::string& path) {
  io::FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("open network namespace " + path, errno));
  return fd;
}

}  // namespace

std::string namespace_path(std::string_view network) {
  if (network.contains('/')) return std::string(network);
  const bool is_pid =
      !network.empty() && std::ranges::all_of(network, [](char c) { return c >= '0' && c <= '9'; });
  return is_pid ? fmt::format("/proc/{}/ns/net", network) : fmt::format("/run/netns/{}", network);
}

Result<NamespaceVisit> NamespaceVisit::enter(const std::string& path) {
  WARREN_TRY(auto home, open_namespace("/proc/thread-self/ns/net"));
  WARREN_TRY(const auto there, open_namespace(path));
  if (setns(there.get(), CLONE_NEWNET) != 0) {
    return unexpected(errno_error("enter network namespace " + path + " (needs root)", errno));
  }
  return NamespaceVisit(std::move(home));
}

Result<NamespaceVisit> NamespaceVisit::create() {
  WARREN_TRY(auto home, open_namespace("/proc/thread-self/ns/net"));
  if (unshare(CLONE_NEWNET) != 0) {
    return unexpected(errno_error("make a network namespace (needs root)", errno));
  }
  return NamespaceVisit(std::move(home));
}

NamespaceVisit::~NamespaceVisit() {
  // It has worked before, and a thread in the wrong namespace can do nothing right.
  if (home_.is_open()) WARREN_CHECK(setns(home_.get(), CLONE_NEWNET) == 0);
}

}  // namespace warren::lab
