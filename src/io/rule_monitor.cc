#include "io/rule_monitor.h"

#include <cerrno>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

namespace warren::io {

namespace {

constexpr std::uint32_t group(unsigned number) {
  return std::uint32_t{1} << (number - 1);  // linux/rtnetlink.h: RTMGRP_… of an RTNLGRP_…
}

void take(const nlmsghdr& message, RuleChanges& out) {
  if (message.nlmsg_type != RTM_DELRULE) return;
  if (const auto rule = read_rule(message)) out.removed.push_back(*rule);
}

}  // namespace

Result<RuleMonitor> RuleMonitor::open() {
  FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd.is_open()) return unexpected(errno_error("open a netlink socket", errno));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = group(RTNLGRP_IPV4_RULE) | group(RTNLGRP_IPV6_RULE);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    return unexpected(errno_error("listen for changes of routing rules", errno));
  }
  return RuleMonitor(std::move(fd));
}

RuleChanges RuleMonitor::drain() {
  RuleChanges out;
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
