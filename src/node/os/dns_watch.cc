#include "node/os/dns_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sys/inotify.h>
#include <unistd.h>

namespace warren::node {

namespace {

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

Result<DnsWatch> DnsWatch::open() {
  io::FileDescriptor fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("watch files", errno));
  return DnsWatch(std::move(fd));
}

void DnsWatch::watch(const std::vector<std::string>& paths) {
  std::vector<int> now;
  // The same file again is the same watch.
  for (const std::string& path : paths) {
    const int added = inotify_add_watch(fd_.get(), path.c_str(), kEvents);
    if (added >= 0) now.push_back(added);
  }
  for (const int old : watches_) {
    if (std::ranges::find(now, old) == now.end()) inotify_rm_watch(fd_.get(), old);
  }
  watches_ = std::move(now);
}

bool DnsWatch::drain() {
  bool out = false;
  std::array<char, 4096> buffer{};
  while (read(fd_.get(), buffer.data(), buffer.size()) > 0) out = true;
  return out;
}

}  // namespace warren::node
