#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/netlink.h"
#include "plain/network.h"

namespace warren::plain {

// The kernel's network, in the namespace of the thread that opened it.
class KernelNetwork final : public Network {
 public:
  explicit KernelNetwork(io::Netlink netlink) : netlink_(std::move(netlink)) {}

  // Before anything is done to the device.
  void set_device(unsigned index) { index_ = index; }

  Result<void> set_mtu(unsigned mtu);

  Result<void> set_up(unsigned mtu) override;
  Result<void> add_address(const wgquick::InterfaceAddress& address) override;
  Result<void> remove_address(const wgquick::InterfaceAddress& address) override;
  Result<void> add_route(const DeviceRoute& route) override;
  Result<void> remove_route(const DeviceRoute& route) override;
  Result<void> add_rule(const PolicyRule& rule) override;
  Result<void> remove_rule(const PolicyRule& rule) override;
  Result<std::string> read_sysctl(const std::string& name) override;
  Result<void> write_sysctl(const std::string& name, const std::string& value) override;

  // What the device has now, whoever gave it.
  Result<std::vector<IpAddress>> addresses();

 private:
  io::Netlink netlink_;
  unsigned index_ = 0;
};

// SO_NETNS_COOKIE of this thread's namespace: unique until the machine restarts.
Result<std::uint64_t> network_namespace_cookie();

}  // namespace warren::plain
