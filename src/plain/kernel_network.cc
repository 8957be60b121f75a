#include "plain/kernel_network.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include <fmt/format.h>

#include "io/address.h"
#include "io/link.h"
#include "io/route.h"
#include "io/rule.h"
#include "io/sysctl.h"

namespace warren::plain {

namespace {

io::Rule to_io(const PolicyRule& rule) {
  io::Rule out;
  out.family = rule.is_v6 ? io::AddressFamily::V6 : io::AddressFamily::V4;
  out.priority = rule.priority;
  out.table = rule.table;
  if (rule.mask != 0) {
    out.mark = rule.mark;
    out.mark_mask = rule.mask;
  }
  out.invert = rule.not_marked;
  out.suppress_shorter = rule.suppress_prefix_length;
  return out;
}

io::Route to_io(const DeviceRoute& route, unsigned index) {
  io::Route out;
  out.destination = route.prefix;
  out.table = route.table;
  out.link = index;
  return out;
}

}  // namespace

Result<void> KernelNetwork::set_mtu(unsigned mtu) {
  return io::set_link_mtu(netlink_, index_, mtu);
}

Result<void> KernelNetwork::set_up(unsigned mtu) {
  WARREN_TRY_VOID(set_mtu(mtu));
  return io::set_link_state(netlink_, index_, io::LinkState::Up);
}

Result<void> KernelNetwork::add_address(const wgquick::InterfaceAddress& address) {
  return io::ensure_address(netlink_, {index_, address.address, address.prefix_length});
}

Result<void> KernelNetwork::remove_address(const wgquick::InterfaceAddress& address) {
  return io::ensure_no_address(netlink_, {index_, address.address, address.prefix_length});
}

Result<void> KernelNetwork::add_route(const DeviceRoute& route) {
  const auto added = io::add_route(netlink_, to_io(route, index_));
  if (added || added.error().code != Errc::AlreadyExists) return added;
  WARREN_TRY(const auto ours,
             io::list_routes(netlink_, {.table = route.table, .protocol = {}, .link = index_}));
  if (std::ranges::find(ours, route.prefix, &io::Route::destination) != ours.end()) return {};
  return fail(Errc::AlreadyExists,
              fmt::format("table {} has another route to {}: remove it, take the prefix out of "
                          "AllowedIPs, or write Table = off and route by hand",
                          route.table, route.prefix.to_string()));
}

Result<void> KernelNetwork::remove_route(const DeviceRoute& route) {
  return io::ensure_no_route(netlink_, to_io(route, index_));
}

Result<void> KernelNetwork::add_rule(const PolicyRule& rule) {
  return io::ensure_rule(netlink_, to_io(rule));
}

Result<void> KernelNetwork::remove_rule(const PolicyRule& rule) {
  return io::ensure_no_rule(netlink_, to_io(rule));
}

Result<std::string> KernelNetwork::read_sysctl(const std::string& name) {
  return io::read_sysctl(name);
}

Result<void> KernelNetwork::write_sysctl(const std::string& name, const std::string& value) {
  return io::write_sysctl(name, value);
}

Result<std::vector<IpAddress>> KernelNetwork::addresses() {
  WARREN_TRY(const auto found, io::list_addresses(netlink_, index_));
  std::vector<IpAddress> out;
  for (const io::LinkAddress& address : found) out.push_back(address.address);
  return out;
}

Result<std::uint64_t> network_namespace_cookie() {
  const io::FileDescriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (!any.is_open() || getsockopt(any.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) {
    return unexpected(errno_error("tell network namespaces apart (Linux 5.15 or later)", errno));
  }
  return cookie;
}

}  // namespace warren::plain
