#include "io/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace warren::io {

namespace {

NetlinkRequest request_for(std::uint16_t type,
                           unsigned flags,
                           const LinkAddress& address,
                           AddressUse use = AddressUse::Source) {
  const bool is_v6 = address.address.is_v6();
  ifaddrmsg header{};
  header.ifa_family = is_v6 ? AF_INET6 : AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix_length);
  header.ifa_flags = is_v6 ? IFA_F_NODAD : 0;
  header.ifa_scope = address.address.is_link_local() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  // Too narrow to leave the machine. IPv6 knows no such scope, but leaves deprecated addresses
  // alone as long as there is another (RFC 6724 section 5, rule 3).
  if (use == AddressUse::Service && !is_v6) header.ifa_scope = RT_SCOPE_HOST;
  header.ifa_index = address.link;
  NetlinkRequest out(type, flags, header);
  out.put_address(IFA_LOCAL, address.address);
  out.put_address(IFA_ADDRESS, address.address);
  if (use == AddressUse::Service && is_v6) {
    const ifa_cacheinfo deprecated{
        .ifa_prefered = 0, .ifa_valid = 0xffffffff, .cstamp = 0, .tstamp = 0};
    out.put_bytes(IFA_CACHEINFO,
                  {reinterpret_cast<const std::uint8_t*>(&deprecated), sizeof deprecated});
  }
  return out;
}

std::string describe(std::string_view verb, const LinkAddress& address) {
  return fmt::format("{} address {}/{} of interface {}", verb, address.address.to_string(),
                     address.prefix_length, address.link);
}

}  // namespace

Result<void> add_address(Netlink& netlink, const LinkAddress& address, AddressUse use) {
  NetlinkRequest request = request_for(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address, use);
  return netlink.change(request, describe("add", address));
}

Result<void> remove_address(Netlink& netlink, const LinkAddress& address) {
  NetlinkRequest request = request_for(RTM_DELADDR, 0, address);
  return netlink.change(request, describe("remove", address));
}

std::optional<ReadAddress> read_address(const nlmsghdr& message) {
  const auto* header = netlink_header<ifaddrmsg>(message);
  if (header == nullptr) return std::nullopt;
  const NetlinkAttributes attributes(message, sizeof *header);
  // On a link with a peer address IFA_ADDRESS is the peer's and IFA_LOCAL ours.
  auto address = attributes.address(IFA_LOCAL);
  if (!address) address = attributes.address(IFA_ADDRESS);
  if (!address) return std::nullopt;
  const std::uint32_t flags = attributes.u32(IFA_FLAGS).value_or(header->ifa_flags);
  const bool is_tentative =
      (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;  // RFC 4429
  return ReadAddress{.address = {header->ifa_index, *address, header->ifa_prefixlen},
                     .is_usable = !is_tentative && (flags & IFA_F_DADFAILED) == 0};
}

Result<std::vector<LinkAddress>> list_addresses(Netlink& netlink,
                                                unsigned link,
                                                AddressFilter filter) {
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  std::vector<LinkAddress> out;
  WARREN_TRY_VOID(netlink.query(request, "list addresses", [&](const nlmsghdr& message) {
    const auto read = message.nlmsg_type == RTM_NEWADDR ? read_address(message) : std::nullopt;
    if (!read || (link != 0 && read->address.link != link)) return;
    if (filter == AddressFilter::Usable && !read->is_usable) return;
    out.push_back(read->address);
  }));
  return out;
}

}  // namespace warren::io
