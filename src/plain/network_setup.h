#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "plain/ledger.h"
#include "plain/network.h"
#include "plain/network_plan.h"

namespace warren::plain {

// Brings the host's network into the state a plan asks for, and from one plan to the next. What
// outlives the process goes through the ledger.
class NetworkSetup {
 public:
  // All outlive it.
  NetworkSetup(const LedgerPlace& place, Ledger& ledger, Network& network, Log& log)
      : place_(place), ledger_(ledger), network_(network), log_(log) {}

  // Changes what differs from the last plan. After a failure the state is in between: undo, or
  // apply again.
  Result<void> apply(const NetworkPlan& plan);

  // What outer packets must be marked with when `asked` is: a default route never goes without a
  // mark, or the tunnel would send its own packets through itself.
  std::uint32_t mark_for(std::uint32_t asked) const;
  // The rules follow the mark of outer packets (`wg set DEV fwmark`). `mark` comes of mark_for().
  Result<void> follow_mark(std::uint32_t mark);

  // Undoes what would outlive the device, and closes the ledger.
  Result<void> undo();

 private:
  Result<void> apply_device(const NetworkPlan& plan);
  Result<void> apply_default_routes(const NetworkPlan& plan);
  Result<void> take_slot();
  Result<void> set_src_valid_mark();
  void warn_of_strict_path_check();

  const LedgerPlace& place_;
  Ledger& ledger_;
  Network& network_;
  Log& log_;
  NetworkPlan current_;
  std::vector<PolicyRule> rules_;
  std::optional<std::uint32_t> slot_;
  bool has_src_valid_mark_ = false;
};

}  // namespace warren::plain
