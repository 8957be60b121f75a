#include "io/link_monitor.h"

#include <utility>

#include <linux/rtnetlink.h>

#include "io/netlink_news.h"

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
  WARREN_TRY(FileDescriptor fd, open_netlink_news(RTMGRP_LINK, "interfaces"));
  return LinkMonitor(std::move(fd));
}

LinkChanges LinkMonitor::drain() {
  LinkChanges out;
  const NetlinkDrained drained = drain_netlink(
      fd_, buffer_, kMaxDatagrams, [&](const nlmsghdr& message) { take(message, out); });
  out.missed = drained.missed;
  out.more = drained.more;
  return out;
}

}  // namespace warren::io
