#include "io/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace warren::io {

namespace {

NetlinkRequest request_for(std::uint16_t type, unsigned flags, const LinkAddress& address) {
  const bool is_v6 = address.address.is_v6();
  ifaddrmsg header{};
  header.ifa_family = is_v6 ? AF_INET6 : AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix_length);
  header.ifa_flags = is_v6 ? IFA_F_NODAD : 0;
  header.ifa_scope = address.address.is_link_local() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.ifa_index = address.link;
  NetlinkRequest out(type, flags, header);
  out.put_address(IFA_LOCAL, address.address);
  out.put_address(IFA_ADDRESS, address.address);
  return out;
}

std::string describe(std::string_view verb, const LinkAddress& address) {
  return fmt::format("{} address {}/{} of interface {}", verb, address.address.to_string(),
                     address.prefix_length, address.link);
}

}  // namespace

Result<void> add_address(Netlink& netlink, const LinkAddress& address) {
  NetlinkRequest request = request_for(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address);
  return netlink.change(request, describe("add", address));
}

Result<void> remove_address(Netlink& netlink, const LinkAddress& address) {
  NetlinkRequest request = request_for(RTM_DELADDR, 0, address);
  return netlink.change(request, describe("remove", address));
}

Result<std::vector<LinkAddress>> list_addresses(Netlink& netlink, unsigned link) {
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  std::vector<LinkAddress> out;
  WARREN_TRY_VOID(netlink.query(request, "list addresses", [&](const nlmsghdr& message) {
    const auto* header = netlink_header<ifaddrmsg>(message);
    if (message.nlmsg_type != RTM_NEWADDR || header == nullptr) return;
    if (link != 0 && header->ifa_index != link) return;
    const NetlinkAttributes attributes(message, sizeof *header);
    // On a link with a peer address IFA_ADDRESS is the peer's and IFA_LOCAL ours.
    auto address = attributes.address(IFA_LOCAL);
    if (!address) address = attributes.address(IFA_ADDRESS);
    if (address) out.push_back({header->ifa_index, *address, header->ifa_prefixlen});
  }));
  return out;
}

}  // namespace warren::io
