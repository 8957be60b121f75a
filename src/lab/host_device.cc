#include "lab/host_device.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "io/address.h"
#include "io/link.h"
#include "io/sysctl.h"
#include "lab/net_namespace.h"

namespace warren::lab {

namespace {

constexpr std::string_view kNoLinkLocal = "1";  // IN6_ADDR_GEN_MODE_NONE, linux/if_link.h

}  // namespace

Result<std::unique_ptr<HostDevice>> HostDevice::open(const std::string& name,
                                                     const HostConfig& config,
                                                     const std::vector<IpAddress>& gateways) {
  const auto visit = NamespaceVisit::enter(namespace_path(config.network));
  if (!visit) return with_context("hosts." + name, visit.error());
  auto out = open_here(config, gateways);
  if (!out) return with_context("hosts." + name, out.error());
  return out;
}

Result<std::unique_ptr<HostDevice>> HostDevice::open_here(const HostConfig& config,
                                                          const std::vector<IpAddress>& gateways) {
  WARREN_TRY(auto tun, io::TunDevice::open(config.interface));
  WARREN_TRY(auto netlink, io::Netlink::open());
  std::unique_ptr<HostDevice> out(new HostDevice(std::move(tun), std::move(netlink), config));
  const unsigned index = out->tun_->index();
  // Link-local addresses would be of no use without a neighbour, and appear some time later. A
  // system without IPv6 has no such file.
  const std::string file = fmt::format("net/ipv6/conf/{}/addr_gen_mode", out->tun_->name());
  WARREN_TRY_VOID(io::unless(Errc::NotFound, io::write_sysctl(file, kNoLinkLocal)));
  WARREN_TRY_VOID(io::set_link_mtu(out->netlink_, index, config.uplink.mtu));
  WARREN_TRY_VOID(io::set_link_state(out->netlink_, index, io::LinkState::Up));
  WARREN_TRY_VOID(out->set_addresses(config.addresses, gateways));
  return out;
}

Result<void> HostDevice::set_addresses(std::vector<InterfaceAddress> addresses,
                                       const std::vector<IpAddress>& gateways) {
  const auto address_of = [this](const InterfaceAddress& a) {
    return io::LinkAddress{tun_->index(), a.address, a.prefix_length};
  };
  // First those that go: with the oldest of a network the kernel removes all others of it.
  for (const InterfaceAddress& address : addresses_) {
    if (std::ranges::find(addresses, address) == addresses.end()) {
      WARREN_TRY_VOID(io::ensure_no_address(netlink_, address_of(address)));
    }
  }
  for (const InterfaceAddress& address : addresses) {
    WARREN_TRY_VOID(io::ensure_address(netlink_, address_of(address)));
  }
  addresses_ = std::move(addresses);

  const std::vector<io::Route> routes = default_routes(gateways);
  for (const io::Route& route : routes_) {
    if (std::ranges::find(routes, route) == routes.end()) {
      WARREN_TRY_VOID(io::ensure_no_route(netlink_, route));
    }
  }
  routes_ = routes;
  // All of them: with the last address of a family the kernel has removed its routes too.
  for (const io::Route& route : routes) {
    WARREN_TRY_VOID(io::ensure_route(netlink_, route));
  }
  return {};
}

std::vector<io::Route> HostDevice::default_routes(const std::vector<IpAddress>& gateways) const {
  std::vector<io::Route> out;
  if (!has_default_route_) return out;
  const auto is_on_link = [this](const IpAddress& gateway) {
    return std::ranges::any_of(addresses_, [&](const auto& a) {
      return IpPrefix(a.address, a.prefix_length).contains(gateway);
    });
  };
  for (const bool is_v6 : {false, true}) {
    const auto is_of_family = [&](const InterfaceAddress& a) { return a.address.is_v6() == is_v6; };
    if (std::ranges::none_of(addresses_, is_of_family)) continue;
    io::Route& route = out.emplace_back();
    route.destination = IpPrefix(IpAddress::unspecified(is_v6), 0);
    route.link = tun_->index();
    route.metric = metric_;
    for (const IpAddress& gateway : gateways) {
      if (gateway.is_v6() == is_v6 && is_on_link(gateway)) route.gateway = gateway;
    }
  }
  return out;
}

}  // namespace warren::lab
