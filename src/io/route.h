#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "io/netlink.h"

namespace warren::io {

// linux/rtnetlink.h: RTN_…
enum class RouteType : std::uint8_t { Unicast = 1, Unreachable = 7, Throw = 9, Other = 0 };

inline constexpr std::uint32_t kMainTable = 254;         // RT_TABLE_MAIN
inline constexpr std::uint8_t kStaticRouteProtocol = 4;  // RTPROT_STATIC: an administrator's

struct Route {
  IpPrefix destination;
  RouteType type = RouteType::Unicast;
  std::uint32_t table = kMainTable;
  unsigned link = 0;  // 0: none; a unicast route has one or a gateway
  std::optional<IpAddress> gateway = std::nullopt;
  std::uint8_t protocol = kStaticRouteProtocol;  // who made it; tells our routes from others'
  std::uint32_t metric = 0;  // the kernel shows 1024 for IPv6 routes added with 0

  bool operator==(const Route&) const = default;
};

Result<void> add_route(Netlink& netlink, const Route& route);
// Removes the first that agrees in all that is set.
Result<void> remove_route(Netlink& netlink, const Route& route);

inline Result<void> ensure_route(Netlink& netlink, const Route& route) {
  return unless(Errc::AlreadyExists, add_route(netlink, route));
}

inline Result<void> ensure_no_route(Netlink& netlink, const Route& route) {
  return unless(Errc::NotFound, remove_route(netlink, route));
}

struct RouteFilter {
  std::optional<std::uint32_t> table = std::nullopt;
  std::optional<std::uint8_t> protocol = std::nullopt;
  std::optional<unsigned> link = std::nullopt;
};

// Both families. Routes over several next hops come without link and gateway.
Result<std::vector<Route>> list_routes(Netlink& netlink, const RouteFilter& filter);

}  // namespace warren::io
