#include "lab/topology.h"

#include <fmt/format.h>

#include "lab/topology_fields.h"

namespace warren::lab {

namespace {

Result<void> check_tree(const Topology& topology) {
  std::string top;
  for (const auto& [name, router] : topology.routers) {
    if (router.uplink.behind.empty()) {
      if (!top.empty()) {
        return fail(Errc::InvalidArgument,
                    fmt::format("routers.{}.behind: is missing: {} is at the top, and only one "
                                "router can be",
                                name, top));
      }
      top = name;
      if (router.nat) {
        return fail(Errc::InvalidArgument,
                    fmt::format("routers.{}.nat: the router at the top has no outside", name));
      }
    } else if (!topology.routers.contains(router.uplink.behind)) {
      return fail(Errc::NotFound, fmt::format("routers.{}.behind: there is no router {}", name,
                                              router.uplink.behind));
    }
  }
  for (const auto& [name, router] : topology.routers) {
    std::string at = name;
    for (std::size_t steps = 0; !at.empty(); ++steps) {
      if (steps > topology.routers.size()) {
        return fail(Errc::InvalidArgument,
                    fmt::format("routers.{}.behind: the way up goes round in a circle", name));
      }
      at = topology.routers.at(at).uplink.behind;
    }
  }
  return {};
}

Result<void> check_hosts(const Topology& topology) {
  for (const auto& [name, host] : topology.hosts) {
    if (topology.routers.contains(name)) {
      return fail(Errc::AlreadyExists, fmt::format("hosts.{}: a router has this name", name));
    }
    if (!topology.routers.contains(host.uplink.behind)) {
      return fail(Errc::NotFound, fmt::format("hosts.{}.behind: there is no router \"{}\"", name,
                                              host.uplink.behind));
    }
  }
  return {};
}

}  // namespace

Result<Topology> parse_topology(std::string_view text) {
  WARREN_TRY(auto topology, json::read_text<Topology>(text));
  WARREN_TRY_VOID(check_tree(topology));
  WARREN_TRY_VOID(check_hosts(topology));
  return topology;
}

}  // namespace warren::lab
