#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "node/core/status.h"

// `warren status` for people (spec: node-features section 18.3).
namespace warren::node {

struct StatusTextOptions {
  bool header = false;       // captions
  bool only_active = false;  // peers that packets were sent to lately
  bool with_self = true;
  bool with_peers = true;
};

// Why there is no table: "Warren is stopped.", "Logged out." with the link, ... None: it runs, or
// is starting. With its last line end; the command's exit status is 1.
std::optional<std::string> not_running_text(const Status& status);

// Health first, then a row for each node. Behind the state of stock's grammar stand the path's
// latency and age and, where it is not direct, why: "active; relay "one", not direct for 12s: ...".
std::string status_text(const Status& status, const StatusTextOptions& options, WallTime now);

// "4s", "12m", "3h", "2d": the largest unit that is not zero.
std::string short_age(Duration age);

}  // namespace warren::node
