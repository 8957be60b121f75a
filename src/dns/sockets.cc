#include "dns/sockets.h"

#include <cerrno>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "io/socket_address.h"

namespace warren::dns {

namespace {

constexpr int kBacklog = 64;    // connections that nobody has accepted yet
constexpr int kPortTries = 16;  // port 0 only: what is free for UDP may not be for TCP

enum class Reuse : std::uint8_t { No, Yes };

Error socket_error(std::string_view transport, const Endpoint& endpoint, int error) {
  return errno_error(fmt::format("answer names at {} over {}", endpoint.to_string(), transport),
                     error);
}

bool set_option(int fd, int level, int name) {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

// False with errno.
bool prepare(int fd, bool is_v6, Reuse reuse) {
  if (reuse == Reuse::Yes && !set_option(fd, SOL_SOCKET, SO_REUSEADDR)) return false;
  if (!is_v6) return set_option(fd, IPPROTO_IP, IP_FREEBIND);
  return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) && set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND);
}

Result<io::FileDescriptor, int> bind_socket(int type, const Endpoint& endpoint, Reuse reuse) {
  const bool is_v6 = endpoint.address.is_v6();
  io::FileDescriptor fd(socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open() || !prepare(fd.get(), is_v6, reuse)) return unexpected(errno);
  io::SocketAddress address;
  const socklen_t size = io::to_socket_address(endpoint, address);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return unexpected(errno);
  }
  return fd;
}

// Beside somebody who serves all addresses and allows others to serve some (dnsmasq does), but not
// beside ourselves.
Result<io::FileDescriptor, int> bind_udp(const Endpoint& endpoint) {
  auto alone = bind_socket(SOCK_DGRAM, endpoint, Reuse::No);
  if (alone || alone.error() != EADDRINUSE) return alone;
  return bind_socket(SOCK_DGRAM, endpoint, Reuse::Yes);
}

Result<io::FileDescriptor, int> listen_tcp(const Endpoint& endpoint) {
  auto fd = bind_socket(SOCK_STREAM, endpoint, Reuse::Yes);  // former connections may linger
  if (fd && listen(fd->get(), kBacklog) != 0) return unexpected(errno);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  const auto endpoint =
      io::from_socket_address({reinterpret_cast<const std::uint8_t*>(&address), size});
  return endpoint ? endpoint->port : 0;
}

Result<Sockets::Place> bind_place(Endpoint endpoint) {
  const bool any_port = endpoint.port == 0;
  for (int tries = any_port ? kPortTries : 1;; --tries) {
    auto udp = bind_udp(endpoint);
    if (!udp) return unexpected(socket_error("UDP", endpoint, udp.error()));
    Sockets::Place out{.endpoint = endpoint, .udp = *std::move(udp), .tcp = {}};
    out.endpoint.port = port_of(out.udp.get());
    auto tcp = listen_tcp(out.endpoint);
    if (tcp) {
      out.tcp = *std::move(tcp);
      return out;
    }
    if (tcp.error() != EADDRINUSE) {
      return unexpected(socket_error("TCP", out.endpoint, tcp.error()));
    }
    if (tries == 1) return out;
  }
}

bool is_family_missing(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return false;
  const io::FileDescriptor fd(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return !fd.is_open() && errno == EAFNOSUPPORT;
}

}  // namespace

Result<Sockets> Sockets::bind(const std::vector<IpAddress>& addresses, std::uint16_t port) {
  Sockets out;
  std::optional<Error> failure;
  for (const IpAddress& address : addresses) {
    const Endpoint endpoint{address, port};
    if (is_family_missing(endpoint)) continue;
    auto place = bind_place(endpoint);
    if (place) {
      out.places_.push_back(*std::move(place));
    } else if (!failure) {
      failure = std::move(place).error();
    }
  }
  if (!out.places_.empty()) return out;
  if (failure) return unexpected(*std::move(failure));
  return fail(Errc::InvalidArgument, "answer names: no address to be asked at");
}

}  // namespace warren::dns
