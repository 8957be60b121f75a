#pragma once

#include <functional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "lab/topology.h"

namespace warren::lab {

// Errors begin with the path.
Result<Topology> load_topology(const std::string& path);

struct RunOptions {
  std::string control_path;  // of the socket for commands; empty: none
};

// Runs the network between the hosts until SIGINT or SIGTERM. `ready` is called when packets pass
// and commands are taken.
Result<void> run(const Topology& topology,
                 const RunOptions& options,
                 Log& log,
                 const std::function<void()>& ready);

}  // namespace warren::lab
