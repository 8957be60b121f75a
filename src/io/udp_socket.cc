#include "io/udp_socket.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "io/kernel_release.h"
#include "io/socket_address.h"

namespace warren::io {

namespace {

constexpr int kBufferSize = 4 << 20;  // data-plane section 3.4

Result<void> set_option(int fd, int level, int option, int value, std::string_view name) {
  if (setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return unexpected(errno_error(fmt::format("set {} on a UDP socket", name), errno));
}

int option_of(int fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

// The forced variant needs CAP_NET_ADMIN and ignores rmem_max and wmem_max; a smaller buffer than
// asked is no failure, the facts say what was granted.
void set_buffer(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kBufferSize, sizeof kBufferSize) != 0) {
    setsockopt(fd, SOL_SOCKET, plain, &kBufferSize, sizeof kBufferSize);
  }
}

Result<void> set_options_v4(int fd, const UdpSocketOptions& options) {
  WARREN_TRY_VOID(set_option(fd, SOL_IP, IP_PKTINFO, 1, "IP_PKTINFO"));
  WARREN_TRY_VOID(set_option(fd, SOL_IP, IP_RECVTOS, 1, "IP_RECVTOS"));
  const int discover = options.dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_OMIT;
  return set_option(fd, SOL_IP, IP_MTU_DISCOVER, discover, "IP_MTU_DISCOVER");
}

Result<void> set_options_v6(int fd, const UdpSocketOptions& options) {
  WARREN_TRY_VOID(set_option(fd, SOL_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
  WARREN_TRY_VOID(set_option(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"));
  WARREN_TRY_VOID(set_option(fd, SOL_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS"));
  const int discover = options.dont_fragment ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_WANT;
  return set_option(fd, SOL_IPV6, IPV6_MTU_DISCOVER, discover, "IPV6_MTU_DISCOVER");
}

Result<void> bind_any(int fd, AddressFamily family, std::uint16_t port) {
  SocketAddress address;
  const Endpoint any{IpAddress::unspecified(family == AddressFamily::V6), port};
  const socklen_t size = to_socket_address(any, address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return {};
  const int error = errno;
  if (error == EADDRINUSE) {
    return fail(
        Errc::AlreadyExists,
        fmt::format("UDP port {} is in use: stop what listens there, or choose another port "
                    "(0 takes any free one)",
                    port));
  }
  return unexpected(errno_error(fmt::format("bind UDP {}", any.to_string()), error));
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  const auto endpoint =
      from_socket_address({reinterpret_cast<const std::uint8_t*>(&address), size});
  return endpoint ? endpoint->port : std::uint16_t{0};
}

}  // namespace

Result<std::unique_ptr<UdpSocket>> UdpSocket::bind(AddressFamily family,
                                                   const UdpSocketOptions& options) {
  const bool is_v6 = family == AddressFamily::V6;
  FileDescriptor fd(
      socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!fd.is_open()) {
    return unexpected(errno_error(is_v6 ? "open an IPv6 socket" : "open an IPv4 socket", errno));
  }
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF);
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF);
  WARREN_TRY_VOID(is_v6 ? set_options_v6(fd.get(), options) : set_options_v4(fd.get(), options));
  WARREN_TRY_VOID(set_option(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL"));

  Facts facts;
  facts.gro = options.use_gro && set_option(fd.get(), SOL_UDP, UDP_GRO, 1, "UDP_GRO").has_value();
  facts.gso =
      option_of(fd.get(), SOL_UDP, UDP_SEGMENT) >= 0 && !damages_udp_segments(running_kernel());
  facts.receive_buffer = option_of(fd.get(), SOL_SOCKET, SO_RCVBUF);
  facts.send_buffer = option_of(fd.get(), SOL_SOCKET, SO_SNDBUF);

  auto out = std::unique_ptr<UdpSocket>(new UdpSocket(std::move(fd), facts));
  if (options.mark != 0) WARREN_TRY_VOID(out->set_mark(options.mark));
  // Last, so that nothing arrives before the options hold.
  WARREN_TRY_VOID(bind_any(out->fd(), family, options.port));
  out->facts_.port = bound_port(out->fd());
  return out;
}

Result<void> UdpSocket::set_mark(std::uint32_t mark) {
  auto set = set_option(fd_.get(), SOL_SOCKET, SO_MARK, static_cast<int>(mark), "SO_MARK");
  if (!set && set.error().code == Errc::PermissionDenied) {
    set.error().detail += " (a firewall mark needs CAP_NET_ADMIN: run as root)";
  }
  return set;
}

int UdpSocket::receive(std::span<mmsghdr> slots) {
  int got = -1;
  do {
    got = recvmmsg(fd_.get(), slots.data(), static_cast<unsigned>(slots.size()), MSG_DONTWAIT,
                   nullptr);
  } while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}

int UdpSocket::send(std::span<mmsghdr> messages) {
  int sent = -1;
  do {
    sent =
        sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(messages.size()), MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

}  // namespace warren::io
