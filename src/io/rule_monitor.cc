#include "io/rule_monitor.h"

#include <utility>

#include <linux/rtnetlink.h>

#include "io/netlink_news.h"

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
  WARREN_TRY(
      FileDescriptor fd,
      open_netlink_news(group(RTNLGRP_IPV4_RULE) | group(RTNLGRP_IPV6_RULE), "routing rules"));
  return RuleMonitor(std::move(fd));
}

RuleChanges RuleMonitor::drain() {
  RuleChanges out;
  const NetlinkDrained drained = drain_netlink(
      fd_, buffer_, kMaxDatagrams, [&](const nlmsghdr& message) { take(message, out); });
  out.missed = drained.missed;
  out.more = drained.more;
  return out;
}

}  // namespace warren::io
