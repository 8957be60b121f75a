#include "node/os/host_network.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "io/address.h"
#include "io/link.h"
#include "io/route.h"
#include "io/sysctl.h"
#include "node/os/names.h"
#include "node/os/policy_rules.h"

namespace warren::node {

namespace {

// Of every overlay, also another than ours (spec: control section 7.11).
bool is_in_overlay_range(const IpAddress& address) {
  static const IpPrefix v4(IpAddress::v4({100, 64, 0, 0}), 10);
  static const IpPrefix v6(IpAddress::v6({0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0}), 48);
  return v4.contains(address) || v6.contains(address);
}

void sort(std::vector<IpPrefix>& prefixes) {
  std::ranges::sort(prefixes);
  const auto again = std::ranges::unique(prefixes);
  prefixes.erase(again.begin(), again.end());
}

void remove_v6(std::vector<IpPrefix>& prefixes) {
  std::erase_if(prefixes, [](const IpPrefix& prefix) { return prefix.address().is_v6(); });
}

// Of `from`, not in `in`; both are sorted.
std::vector<IpPrefix> missing(const std::vector<IpPrefix>& from, const std::vector<IpPrefix>& in) {
  std::vector<IpPrefix> out;
  std::ranges::set_difference(from, in, std::back_inserter(out));
  return out;
}

io::LinkAddress to_address(const IpPrefix& prefix, unsigned link) {
  return {link, prefix.address(), prefix.length()};
}

io::AddressUse use_of(const IpPrefix& prefix) {
  const bool is_service = prefix.address() == kDnsAddressV4 || prefix.address() == kDnsAddressV6;
  return is_service ? io::AddressUse::Service : io::AddressUse::Source;
}

io::Route to_route(const IpPrefix& prefix, unsigned link) {
  io::Route out;
  out.destination = prefix;
  out.table = kTable;
  out.link = link;
  out.protocol = kRouteProtocol;
  return out;
}

// One peer's route that cannot be made is no reason to leave out the others.
class FirstFailure {
 public:
  void note(Result<void> result) {
    if (result_ && !result) result_ = std::move(result);
  }

  Result<void> take() { return std::move(result_); }

 private:
  Result<void> result_;
};

}  // namespace

Result<std::unique_ptr<HostNetwork>> HostNetwork::open(unsigned link, Log& log) {
  WARREN_TRY(io::Netlink netlink, io::Netlink::open());
  WARREN_TRY(const std::vector<io::Link> links, io::list_links(netlink));
  const auto found = std::ranges::find(links, link, &io::Link::index);
  if (found == links.end()) return fail(Errc::NotFound, "the overlay's device is gone");
  WARREN_TRY(const Removed removed, remove_ours(netlink));
  if (removed != Removed()) {
    log.info("node: removed what an earlier run left rules={} routes={}", removed.rules,
             removed.routes);
  }
  return std::unique_ptr<HostNetwork>(new HostNetwork(std::move(netlink), link, found->name, log));
}

HostNetwork::HostNetwork(io::Netlink netlink, unsigned link, std::string name, Log& log)
    : netlink_(std::move(netlink)), link_(link), name_(std::move(name)), log_(log) {}

Result<void> HostNetwork::apply(const DevicePlan& plan) {
  DevicePlan wanted = plan;
  sort(wanted.addresses);
  sort(wanted.routes);
  if (!has_v6()) {
    remove_v6(wanted.addresses);
    remove_v6(wanted.routes);
  }
  if (wanted == current_) return {};
  if (!is_up_) WARREN_TRY_VOID(bring_up());
  DevicePlan from;
  if (current_) {
    from = *std::move(current_);
    current_.reset();  // until the change has succeeded
  } else {
    WARREN_TRY(from, read());
  }
  WARREN_TRY_VOID(change(from, wanted));
  current_ = std::move(wanted);
  return {};
}

Result<void> HostNetwork::bring_up() {
  if (!has_v6()) log_.info("node: IPv6 is off on this machine");
  WARREN_TRY_VOID(io::set_link_state(netlink_, link_, io::LinkState::Up));
  WARREN_TRY_VOID(ensure_policy_rules(netlink_));
  is_up_ = true;
  return {};
}

// There is no such file in a kernel without IPv6.
bool HostNetwork::has_v6() const {
  const auto disabled = io::read_sysctl("net/ipv6/conf/" + name_ + "/disable_ipv6");
  return disabled && *disabled == "0";
}

Result<DevicePlan> HostNetwork::read() {
  DevicePlan out;
  out.mtu = 0;
  WARREN_TRY(const auto addresses, io::list_addresses(netlink_, link_));
  for (const io::LinkAddress& address : addresses) {
    if (is_in_overlay_range(address.address))
      out.addresses.emplace_back(address.address, address.prefix_length);
  }
  WARREN_TRY(
      const auto routes,
      io::list_routes(netlink_, {.table = kTable, .protocol = kRouteProtocol, .link = link_}));
  for (const io::Route& route : routes) out.routes.push_back(route.destination);
  sort(out.addresses);
  sort(out.routes);
  return out;
}

Result<void> HostNetwork::change(const DevicePlan& from, const DevicePlan& to) {
  FirstFailure failure;
  if (from.mtu != to.mtu) failure.note(io::set_link_mtu(netlink_, link_, to.mtu));
  for (const IpPrefix& address : missing(to.addresses, from.addresses))
    failure.note(io::ensure_address(netlink_, to_address(address, link_), use_of(address)));
  for (const IpPrefix& route : missing(to.routes, from.routes))
    failure.note(io::ensure_route(netlink_, to_route(route, link_)));
  for (const IpPrefix& route : missing(from.routes, to.routes))
    failure.note(io::ensure_no_route(netlink_, to_route(route, link_)));
  for (const IpPrefix& address : missing(from.addresses, to.addresses))
    failure.note(io::ensure_no_address(netlink_, to_address(address, link_)));
  return failure.take();
}

Result<std::size_t> HostNetwork::restore_rules() {
  if (!is_up_) return 0;
  return ensure_policy_rules(netlink_);
}

Result<void> HostNetwork::clean_up() {
  is_up_ = false;
  current_.reset();
  FirstFailure failure;
  const auto removed = remove_ours(netlink_);
  if (!removed) failure.note(unexpected(removed.error()));
  const auto left = read();
  if (!left) {
    failure.note(unexpected(left.error()));
  } else {
    for (const IpPrefix& address : left->addresses)
      failure.note(io::ensure_no_address(netlink_, to_address(address, link_)));
  }
  return failure.take();
}

}  // namespace warren::node
