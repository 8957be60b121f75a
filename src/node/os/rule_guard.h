#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "base/log.h"
#include "base/result.h"
#include "node/os/host_network.h"

namespace warren::node {

// Watches our rules, and has them made again when others remove them, as systemd-networkd does when
// it starts. Works on the executor, a strand or a loop of one thread, until it is destroyed there.
class RuleGuard {
 public:
  // `network` and `log` outlive the object.
  static Result<std::unique_ptr<RuleGuard>> start(const boost::asio::any_io_executor& executor,
                                                  HostNetwork& network,
                                                  Log& log);
  RuleGuard(const RuleGuard&) = delete;
  RuleGuard& operator=(const RuleGuard&) = delete;
  ~RuleGuard();

 private:
  class Watch;

  explicit RuleGuard(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}

  std::shared_ptr<Watch> watch_;  // its handlers keep it until they have run
};

}  // namespace warren::node
