#include "io/route.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace warren::io {

namespace {

std::uint8_t scope_of(const Route& route) {
  const bool is_on_link = route.type == RouteType::Unicast && !route.gateway;
  return route.destination.address().is_v4() && is_on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

NetlinkRequest request_for(std::uint16_t type, unsigned flags, const Route& route) {
  const IpAddress& to = route.destination.address();
  rtmsg header{};
  header.rtm_family = to.is_v6() ? AF_INET6 : AF_INET;
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length());
  header.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE holds all numbers
  header.rtm_protocol = route.protocol;
  header.rtm_scope = type == RTM_DELROUTE ? std::uint8_t{RT_SCOPE_NOWHERE} : scope_of(route);
  header.rtm_type = static_cast<std::uint8_t>(route.type);
  NetlinkRequest out(type, flags, header);
  out.put_u32(RTA_TABLE, route.table);
  out.put_address(RTA_DST, to);
  if (route.link != 0) out.put_u32(RTA_OIF, route.link);
  if (route.gateway) out.put_address(RTA_GATEWAY, *route.gateway);
  if (route.metric != 0) out.put_u32(RTA_PRIORITY, route.metric);
  return out;
}

std::string describe(std::string_view verb, const Route& route) {
  return fmt::format("{} route {} in table {}", verb, route.destination.to_string(), route.table);
}

RouteType type_of(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
      return RouteType::Unicast;
    case RTN_UNREACHABLE:
      return RouteType::Unreachable;
    case RTN_THROW:
      return RouteType::Throw;
    default:
      return RouteType::Other;
  }
}

std::optional<Route> read_route(const nlmsghdr& message) {
  const auto* header = netlink_header<rtmsg>(message);
  if (message.nlmsg_type != RTM_NEWROUTE || header == nullptr) return std::nullopt;
  if ((header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;  // a cache entry
  const bool is_v6 = header->rtm_family == AF_INET6;
  if (!is_v6 && header->rtm_family != AF_INET) return std::nullopt;

  const NetlinkAttributes attributes(message, sizeof *header);
  const IpAddress to = attributes.address(RTA_DST).value_or(IpAddress::unspecified(is_v6));
  if (to.is_v6() != is_v6 || header->rtm_dst_len > to.bit_length()) return std::nullopt;
  return Route{.destination = IpPrefix(to, header->rtm_dst_len),
               .type = type_of(header->rtm_type),
               .table = attributes.u32(RTA_TABLE).value_or(header->rtm_table),
               .link = attributes.u32(RTA_OIF).value_or(0),
               .gateway = attributes.address(RTA_GATEWAY),
               .protocol = header->rtm_protocol,
               .metric = attributes.u32(RTA_PRIORITY).value_or(0)};
}

bool passes(const RouteFilter& filter, const Route& route) {
  return route.table == filter.table.value_or(route.table) &&
         route.protocol == filter.protocol.value_or(route.protocol) &&
         route.link == filter.link.value_or(route.link);
}

}  // namespace

Result<void> add_route(Netlink& netlink, const Route& route) {
  NetlinkRequest request = request_for(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
  return netlink.change(request, describe("add", route));
}

Result<void> remove_route(Netlink& netlink, const Route& route) {
  NetlinkRequest request = request_for(RTM_DELROUTE, 0, route);
  return netlink.change(request, describe("remove", route));
}

Result<std::vector<Route>> list_routes(Netlink& netlink, const RouteFilter& filter) {
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP, rtmsg{});
  std::vector<Route> out;
  WARREN_TRY_VOID(netlink.query(request, "list routes", [&](const nlmsghdr& message) {
    const auto route = read_route(message);
    if (route && passes(filter, *route)) out.push_back(*route);
  }));
  return out;
}

}  // namespace warren::io
