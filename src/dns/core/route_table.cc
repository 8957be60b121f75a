#include "dns/core/route_table.h"

namespace warren::dns {

RouteTable::RouteTable(const std::vector<Route>& routes) {
  for (const Route& route : routes) {
    const auto [added, is_new] = routes_.emplace(std::string(route.suffix.wire()), route);
    auto& upstreams = added->second.upstreams;
    if (upstreams.size() > kMaxUpstreams) upstreams.resize(kMaxUpstreams);
  }
}

const Route* RouteTable::find(const Name& name) const {
  for (Name suffix = name;; suffix = suffix.parent()) {
    const auto found = routes_.find(suffix.wire());
    if (found != routes_.end()) return &found->second;
    if (suffix.is_root()) return nullptr;
  }
}

}  // namespace warren::dns
