#include "plain/stale_socket.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file_descriptor.h"

namespace warren::plain {

Result<void> clear_socket_path(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return unexpected(errno_error(fmt::format("look at {}", path), errno));
  }
  sockaddr_un address{};
  if (!S_ISSOCK(status.st_mode) || path.size() >= sizeof address.sun_path) {
    return fail(Errc::AlreadyExists, fmt::format("{} is not a socket: remove it", path));
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const io::FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return unexpected(errno_error("make a socket", errno));
  const int connected =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected == 0 || errno == EAGAIN) {  // EAGAIN: its backlog is full
    return fail(Errc::AlreadyExists,
                fmt::format("another program serves {}: stop it, or choose another device name "
                            "with --name",
                            path));
  }
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) {
    return unexpected(errno_error(fmt::format("try {}", path), errno));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return unexpected(errno_error(fmt::format("remove {}", path), errno));
  }
  return {};
}

Result<void> remove_stale_socket(const std::string& path) {
  auto cleared = clear_socket_path(path);
  if (!cleared && cleared.error().code == Errc::AlreadyExists) return {};
  return cleared;
}

}  // namespace warren::plain
