#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "io/netlink.h"
#include "node/core/device_plan.h"

namespace warren::node {

// What a node changes in the host's network: the addresses and the MTU of its device, routes in a
// table of its own, and the rules that lead there. Nothing else: packets to anywhere but the
// plan's routes take the way that they took before.
//
// Calls block for milliseconds. One thread, in whose network namespace it works.
class HostNetwork {
 public:
  // Removes what an earlier life that was killed has left, and changes nothing else. `link`: the
  // device's index. `log` outlives the object.
  static Result<std::unique_ptr<HostNetwork>> open(unsigned link, Log& log);

  // From the last plan to this one by what differs: new addresses, new routes, then the old ones
  // go. The first time the device comes up, the rules are made, and addresses of the overlay's
  // ranges that somebody left on the device go. Goes on after a failure, which it returns; the
  // next call then compares with what the kernel has. Where IPv6 is off it is left out.
  Result<void> apply(const DevicePlan& plan);

  // Makes those of our rules that are missing, and says how many; none before apply() and after
  // clean_up().
  Result<std::size_t> restore_rules();

  // Takes back what apply() did; the device stays, and apply() may follow. Nothing is left behind
  // when the object is destroyed after it, or clean_host() is called.
  Result<void> clean_up();

 private:
  HostNetwork(io::Netlink netlink, unsigned link, std::string name, Log& log);

  Result<void> bring_up();
  bool has_v6() const;
  // What is on the device, as far as it is ours to remove.
  Result<DevicePlan> read();
  Result<void> change(const DevicePlan& from, const DevicePlan& to);

  io::Netlink netlink_;
  unsigned link_;
  std::string name_;
  Log& log_;
  bool is_up_ = false;
  std::optional<DevicePlan> current_;  // none: unknown
};

}  // namespace warren::node
