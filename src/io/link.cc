#include "io/link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <fmt/format.h>

namespace warren::io {

namespace {

ifinfomsg header_of(unsigned index) {
  ifinfomsg out{};
  out.ifi_family = AF_UNSPEC;
  out.ifi_index = static_cast<int>(index);
  return out;
}

Result<void> set_attribute(Netlink& netlink,
                           unsigned index,
                           std::uint16_t attribute,
                           std::uint32_t value,
                           std::string_view what) {
  NetlinkRequest request(RTM_NEWLINK, 0, header_of(index));
  request.put_u32(attribute, value);
  return netlink.change(request, fmt::format("set {} of interface {} to {}", what, index, value));
}

}  // namespace

std::optional<Link> read_link(const nlmsghdr& message) {
  const auto* header = netlink_header<ifinfomsg>(message);
  if (header == nullptr || header->ifi_index <= 0) return std::nullopt;
  const NetlinkAttributes attributes(message, sizeof *header);
  Link out;
  out.index = static_cast<unsigned>(header->ifi_index);
  out.flags = header->ifi_flags;
  out.name = attributes.text(IFLA_IFNAME).value_or("");
  out.mtu = attributes.u32(IFLA_MTU).value_or(0);
  out.tx_queue_length = attributes.u32(IFLA_TXQLEN).value_or(0);
  out.gso_max_size = attributes.u32(IFLA_GSO_MAX_SIZE).value_or(0);
  out.kind = NetlinkAttributes(attributes.bytes(IFLA_LINKINFO)).text(IFLA_INFO_KIND).value_or("");
  return out;
}

Result<Link> find_link(Netlink& netlink, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return fail(Errc::InvalidArgument, fmt::format("\"{}\" is no name for an interface", name));
  }
  NetlinkRequest request(RTM_GETLINK, 0, header_of(0));
  request.put_text(IFLA_IFNAME, name);
  const std::string doing = "find interface " + name;
  std::optional<Link> found;
  WARREN_TRY_VOID(netlink.query(request, doing, [&](const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWLINK) found = read_link(message);
  }));
  if (!found) return fail(Errc::NotFound, doing + ": no answer about it");
  return *found;
}

Result<std::vector<Link>> list_links(Netlink& netlink) {
  NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP, header_of(0));
  std::vector<Link> out;
  WARREN_TRY_VOID(netlink.query(request, "list interfaces", [&](const nlmsghdr& message) {
    auto link = message.nlmsg_type == RTM_NEWLINK ? read_link(message) : std::nullopt;
    if (link) out.push_back(std::move(*link));
  }));
  return out;
}

Result<void> set_link_state(Netlink& netlink, unsigned index, LinkState state) {
  ifinfomsg header = header_of(index);
  header.ifi_change = IFF_UP;
  header.ifi_flags = state == LinkState::Up ? IFF_UP : 0;
  NetlinkRequest request(RTM_NEWLINK, 0, header);
  const std::string_view to = state == LinkState::Up ? "up" : "down";
  return netlink.change(request, fmt::format("set interface {} {}", index, to));
}

Result<void> set_link_mtu(Netlink& netlink, unsigned index, std::uint32_t mtu) {
  return set_attribute(netlink, index, IFLA_MTU, mtu, "the MTU");
}

Result<void> set_link_tx_queue_length(Netlink& netlink, unsigned index, std::uint32_t packets) {
  return set_attribute(netlink, index, IFLA_TXQLEN, packets, "the queue length");
}

Result<void> set_link_gso_max_size(Netlink& netlink, unsigned index, std::uint32_t bytes) {
  return set_attribute(netlink, index, IFLA_GSO_MAX_SIZE, bytes, "the GSO size");
}

}  // namespace warren::io
