#include "io/netlink_news.h"

#include <cerrno>

#include <sys/socket.h>

#include <fmt/format.h>
#include <libmnl/libmnl.h>

namespace warren::io {

Result<FileDescriptor> open_netlink_news(std::uint32_t groups, std::string_view of_what) {
  FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd.is_open()) return unexpected(errno_error("open a netlink socket", errno));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    return unexpected(errno_error(fmt::format("listen for changes of {}", of_what), errno));
  }
  return fd;
}

NetlinkDrained drain_netlink(const FileDescriptor& fd,
                             std::vector<std::uint8_t>& buffer,
                             std::size_t max_datagrams,
                             const std::function<void(const nlmsghdr&)>& take) {
  for (std::size_t i = 0; i < max_datagrams; ++i) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = recvfrom(fd.get(), buffer.data(), buffer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {.missed = errno != EAGAIN, .more = false};
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    int rest = static_cast<int>(got);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) take(*message);
  }
  return {.missed = false, .more = true};
}

}  // namespace warren::io
