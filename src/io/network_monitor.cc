#include "io/network_monitor.h"

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

namespace warren::io {

namespace {

// Asked for the way to them; nothing is sent. The first of the DNS root servers, which no private
// network gives an address to.
constexpr IpAddress kSomewhereV4 = IpAddress::v4({198, 41, 0, 4});
constexpr IpAddress kSomewhereV6 =
    IpAddress::v6({0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x30});

constexpr std::uint32_t group(unsigned number) {
  return std::uint32_t{1} << (number - 1);  // linux/rtnetlink.h: RTMGRP_… of an RTNLGRP_…
}

constexpr std::uint32_t kGroups = group(RTNLGRP_LINK) | group(RTNLGRP_IPV4_IFADDR) |
                                  group(RTNLGRP_IPV6_IFADDR) | group(RTNLGRP_IPV4_ROUTE) |
                                  group(RTNLGRP_IPV6_ROUTE) | group(RTNLGRP_IPV4_RULE) |
                                  group(RTNLGRP_IPV6_RULE);

}  // namespace

Result<NetworkMonitor> NetworkMonitor::open(const NetworkMonitorOptions& options) {
  WARREN_TRY(Netlink netlink, Netlink::open());
  FileDescriptor news(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!news.is_open()) return unexpected(errno_error("open a netlink socket", errno));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = kGroups;
  if (bind(news.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    return unexpected(errno_error("listen for changes of the network", errno));
  }
  return NetworkMonitor(std::move(news), std::move(netlink), options);
}

NetworkNews NetworkMonitor::drain() {
  NetworkNews out;
  for (std::size_t i = 0; i < kMaxDatagrams; ++i) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = recvfrom(news_.get(), buffer_.data(), buffer_.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {  // the kernel dropped news, which may have been anything
      out.any = out.interrupted = true;
      continue;
    }
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

void NetworkMonitor::take(const nlmsghdr& message, NetworkNews& out) {
  switch (message.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      take_link(message, out);
      break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      take_address(message, out);
      break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      take_route(message, out);
      break;
    case RTM_NEWRULE:
    case RTM_DELRULE:
      out.any = true;
      break;
    default:
      break;
  }
}

// Told also of statistics and settings: what counts is whether packets can pass.
void NetworkMonitor::take_link(const nlmsghdr& message, NetworkNews& out) {
  const auto link = read_link(message);
  if (!link) return;
  const bool is_usable_now = message.nlmsg_type == RTM_NEWLINK && is_usable(*link);
  const auto known = std::ranges::find(usable_links_, link->index);
  if (is_usable_now == (known != usable_links_.end())) return;
  out.any = true;
  if (is_usable_now) {
    usable_links_.push_back(link->index);
  } else {
    usable_links_.erase(known);
    out.interrupted = true;
  }
}

// Told also of lifetimes that are renewed every few minutes.
void NetworkMonitor::take_address(const nlmsghdr& message, NetworkNews& out) const {
  const auto read = read_address(message);
  if (!read || read->address.link == options_.excluded_link) return;
  const bool is_known = std::ranges::find(addresses_, read->address) != addresses_.end();
  if (message.nlmsg_type == RTM_DELADDR) {
    out.any = true;
    out.interrupted |= is_known;
  } else if (read->is_usable != is_known) {
    out.any = true;
  }
}

// Default routes, also such as are made of two halves.
void NetworkMonitor::take_route(const nlmsghdr& message, NetworkNews& out) const {
  const auto* header = netlink_header<rtmsg>(message);
  if (header == nullptr || header->rtm_dst_len > 1 || header->rtm_type != RTN_UNICAST) return;
  const NetlinkAttributes attributes(message, sizeof *header);
  if (options_.excluded_link != 0 && attributes.u32(RTA_OIF) == options_.excluded_link) return;
  out.any = true;
}

bool NetworkMonitor::is_usable(const Link& link) const {
  return link.index != options_.excluded_link && (link.flags & IFF_UP) != 0 &&
         (link.flags & IFF_RUNNING) != 0 && (link.flags & IFF_LOOPBACK) == 0;
}

Result<NetworkState> NetworkMonitor::read() {
  WARREN_TRY(const std::vector<Link> links, list_links(netlink_));
  usable_links_.clear();
  for (const Link& link : links) {
    if (is_usable(link)) usable_links_.push_back(link.index);
  }
  NetworkState out;
  WARREN_TRY(out.addresses, list_addresses(netlink_, 0, AddressFilter::Usable));
  std::erase_if(out.addresses, [&](const LinkAddress& address) {
    return std::ranges::find(usable_links_, address.link) == usable_links_.end();
  });
  std::ranges::sort(out.addresses, {}, [](const LinkAddress& address) {
    return std::tuple(address.link, address.address, address.prefix_length);
  });
  addresses_ = out.addresses;
  out.default_v4 = default_link(kSomewhereV4);
  out.default_v6 = default_link(kSomewhereV6);
  return out;
}

// The kernel follows rules, tables and several next hops as it will for our packets.
unsigned NetworkMonitor::default_link(const IpAddress& somewhere) {
  rtmsg header{};
  header.rtm_family = somewhere.is_v6() ? AF_INET6 : AF_INET;
  header.rtm_dst_len = static_cast<std::uint8_t>(somewhere.bit_length());
  NetlinkRequest request(RTM_GETROUTE, 0, header);
  request.put_address(RTA_DST, somewhere);
  if (options_.mark != 0) request.put_u32(RTA_MARK, options_.mark);
  unsigned out = 0;
  const Result<void> asked =
      netlink_.query(request, "find the default route", [&](const nlmsghdr& message) {
        const auto* route = netlink_header<rtmsg>(message);
        if (message.nlmsg_type != RTM_NEWROUTE || route == nullptr) return;
        if (route->rtm_type != RTN_UNICAST) return;
        out = NetlinkAttributes(message, sizeof *route).u32(RTA_OIF).value_or(0);
      });
  // An error is the kernel's way to say that there is none.
  const bool is_usable_link = std::ranges::find(usable_links_, out) != usable_links_.end();
  return asked && is_usable_link ? out : 0;
}

}  // namespace warren::io
