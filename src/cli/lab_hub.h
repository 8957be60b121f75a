#pragma once

#include <string>

#include "cli/context.h"

namespace warren::cli {

// `warren lab hub`: a server and three stock WireGuard devices in the lab, which is made if there
// is none; no machine of the mesh (docs/lab.md). Returns the exit code.
struct LabHubArgs {
  std::string lab;
  std::string program;  // how the user calls us: "warren lab"
  bool json = false;
};

int run_lab_hub(const LabHubArgs& args, Context& context);

}  // namespace warren::cli
