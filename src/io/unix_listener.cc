#include "io/unix_listener.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file_descriptor.h"

namespace warren::io {

namespace {

int bind_path(const FileDescriptor& fd, const sockaddr_un& address) {
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return bind(fd.get(), generic, sizeof address) == 0 ? 0 : errno;
}

// Removes the socket file of a program that no longer runs.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return {};  // gone meanwhile
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Errc::AlreadyExists, fmt::format("listen on {}: the file is no socket", path));
  }
  const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) return unexpected(errno_error("open a Unix socket", errno));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN) {
    return fail(Errc::AlreadyExists,
                fmt::format("listen on {}: another program does already: stop it first", path));
  }
  if (errno != ECONNREFUSED) return unexpected(errno_error("listen on " + path, errno));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return unexpected(errno_error("remove the stale socket " + path, errno));
  }
  return {};
}

}  // namespace

Result<UnixListener> UnixListener::listen(const boost::asio::any_io_executor& executor,
                                          const std::string& path,
                                          mode_t mode,
                                          std::optional<gid_t> group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(Errc::InvalidArgument,
                fmt::format("listen on \"{}\": a socket's path has 1 to {} characters", path,
                            sizeof address.sun_path - 1));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return unexpected(errno_error("open a Unix socket", errno));
  int error = bind_path(fd, address);
  if (error == EADDRINUSE) {
    WARREN_TRY_VOID(remove_stale(path, address));
    error = bind_path(fd, address);
  }
  if (error != 0) return unexpected(errno_error("listen on " + path, error));
  // Before listen(), so that nobody else connects meanwhile.
  constexpr auto kSameUser = static_cast<uid_t>(-1);
  if ((group && lchown(path.c_str(), kSameUser, *group) != 0) || chmod(path.c_str(), mode) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0) {
    const int failed = errno;
    unlink(path.c_str());
    return unexpected(errno_error("listen on " + path, failed));
  }
  Acceptor acceptor(executor);
  boost::system::error_code assigned;
  acceptor.assign(boost::asio::local::stream_protocol(), fd.get(), assigned);
  if (assigned) return fail(Errc::Io, fmt::format("listen on {}: {}", path, assigned.message()));
  fd.release();
  return UnixListener(std::move(acceptor), path);
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : acceptor_(std::move(other.acceptor_)), path_(std::exchange(other.path_, {})) {}

UnixListener::~UnixListener() {
  if (!path_.empty()) unlink(path_.c_str());
}

}  // namespace warren::io
