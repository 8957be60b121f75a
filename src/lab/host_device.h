#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/netlink.h"
#include "io/route.h"
#include "io/tun_device.h"
#include "lab/topology.h"

namespace warren::lab {

// A host's TUN device, in the host's network namespace, with its addresses and default routes. The
// kernel removes it with its descriptor, also after kill -9.
class HostDevice {
 public:
  // Errors say which host.
  static Result<std::unique_ptr<HostDevice>> open(const std::string& name,
                                                  const HostConfig& config,
                                                  const std::vector<IpAddress>& gateways);

  HostDevice(const HostDevice&) = delete;
  HostDevice& operator=(const HostDevice&) = delete;
  ~HostDevice() = default;

  io::TunDevice& tun() { return *tun_; }

  const std::vector<InterfaceAddress>& addresses() const { return addresses_; }

  // New addresses come before old ones go, so a host is never without. `gateways`: addresses of the
  // router it is behind; a default route goes through the one that is on the link, if any.
  Result<void> set_addresses(std::vector<InterfaceAddress> addresses,
                             const std::vector<IpAddress>& gateways);

 private:
  HostDevice(std::unique_ptr<io::TunDevice> tun, io::Netlink netlink, const HostConfig& config)
      : tun_(std::move(tun)),
        netlink_(std::move(netlink)),
        has_default_route_(config.default_route),
        metric_(config.metric) {}

  static Result<std::unique_ptr<HostDevice>> open_here(const HostConfig& config,
                                                       const std::vector<IpAddress>& gateways);
  std::vector<io::Route> default_routes(const std::vector<IpAddress>& gateways) const;

  std::unique_ptr<io::TunDevice> tun_;
  io::Netlink netlink_;  // of the host's namespace, like the device
  std::vector<InterfaceAddress> addresses_;
  std::vector<io::Route> routes_;
  bool has_default_route_;
  std::uint32_t metric_;
};

}  // namespace warren::lab
