#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "proto/dns/dns_name.h"

namespace warren::dns {

inline constexpr std::size_t kMaxUpstreams = 8;  // of a route: each gets a copy of every query

// A resolver that others run.
struct Upstream {
  Endpoint endpoint;
  bool is_in_overlay = false;  // reached through the tunnel: its socket gets no mark

  auto operator<=>(const Upstream&) const = default;
};

// Names below `suffix` are asked of all these at once. The root's suffix is the default route.
// Without upstreams nobody can be asked: SERVFAIL.
struct Route {
  Name suffix;
  std::vector<Upstream> upstreams;

  bool operator==(const Route&) const = default;
};

// Finds the route with the longest suffix. Of several with one suffix the first counts.
class RouteTable {
 public:
  explicit RouteTable(const std::vector<Route>& routes);

  const Route* find(const Name& name) const;  // null: there is none

 private:
  // By wire form of the suffix.
  std::unordered_map<std::string, Route, WireHash, std::equal_to<>> routes_;
};

}  // namespace warren::dns
