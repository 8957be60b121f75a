#include "main/notify.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/format.h>

#include "io/file_descriptor.h"

namespace warren {
namespace {

// One datagram to the socket that systemd names; '@' stands for an abstract one (sd_notify(3) has
// the protocol). Without libsystemd, which would bring six libraries and a megabyte into a daemon
// that holds keys.
void notify(std::string_view state) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string_view path = name == nullptr ? "" : name;
  if (path.empty() || path.size() >= sizeof address.sun_path) return;
  char* const to = static_cast<char*>(address.sun_path);
  std::memcpy(to, path.data(), path.size());
  if (path.front() == '@') *to = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const io::FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return;
  // Nobody can be told of a failure; systemd notices that nothing came.
  static_cast<void>(sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address), size));
}

}  // namespace

void notify_ready(const std::string& status) {
  notify(fmt::format("READY=1\nSTATUS={}", status));
}

void notify_status(const std::string& status) {
  notify("STATUS=" + status);
}

void notify_reloading() {
  notify("RELOADING=1");
}

void notify_stopping() {
  notify("STOPPING=1");
}

void notify_alive() {
  notify("WATCHDOG=1");
}

}  // namespace warren
