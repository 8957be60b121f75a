#include "io/link_monitor.h"

#include <cerrno>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

namespace warren::io {

namespace {

void take(const nlmsghdr& message, LinkChanges& out) {
  if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) return;
  auto link = read_link(message);
  if (!link) return;
  if (message.nlmsg_type == RTM_DELLINK) {
    out.removed.push_back(link->index);
  } else {
    out.changed.push_back(std::move(*link));
  }
}

}  // namespace

Result<LinkMonitor> LinkMonitor::open() {
  FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd.is_open()) return unexpected(errno_error("open a netlink socket", errno));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = RTMGRP_LINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    return unexpected(errno_error("listen for changes of interfaces", errno));
  }
  return LinkMonitor(std::move(fd));
}

LinkChanges LinkMonitor::drain() {
  LinkChanges out;
  for (std::size_t i = 0; i < kMaxDatagrams; ++i) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = recvfrom(fd_.get(), buffer_.data(), buffer_.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN) out.missed = true;
    if (got < 0) return out;
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    int rest = static_cast<int>(got);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest))
      take(*message, out);
  }
  out.more = true;
  return out;
}

}  // namespace warren::io
