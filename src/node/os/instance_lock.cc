#include "node/os/instance_lock.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/format.h>

namespace warren::node {
namespace {

// An abstract address (unix(7)): each network namespace has its own, and it goes with its socket.
constexpr std::string_view kAddress("\0warren-node", 12);

Result<io::FileDescriptor> lock_network() {
  io::FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return unexpected(errno_error("open a Unix socket", errno));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), kAddress.data(), kAddress.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + kAddress.size());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  if (errno == EADDRINUSE) {
    return fail(Errc::AlreadyExists,
                "a node of Warren runs on this machine already: stop it first, with `systemctl "
                "stop warrend` where systemd started it");
  }
  return unexpected(errno_error("lock the network", errno));
}

Result<io::FileDescriptor> lock_directory(const std::string& path) {
  io::FileDescriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("open " + path, errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) {
    return fail(Errc::AlreadyExists,
                fmt::format("another node uses the keys in {}: stop it, or give this one another "
                            "directory with --state-dir",
                            path));
  }
  return unexpected(errno_error("lock " + path, errno));
}

}  // namespace

Result<InstanceLock> InstanceLock::take(const std::string& state_directory) {
  WARREN_TRY(InstanceLock out, take());
  WARREN_TRY(out.state_, lock_directory(state_directory));
  return out;
}

Result<InstanceLock> InstanceLock::take() {
  InstanceLock out;
  WARREN_TRY(out.network_, lock_network());
  return out;
}

}  // namespace warren::node
