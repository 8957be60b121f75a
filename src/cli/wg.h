#pragma once

#include <string>

#include "base/log.h"
#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

struct WgArgs {
  std::string config;
  std::string name;
  std::string cipher = "auto";
  std::string log_level = "info";
  bool background = false;
  bool check = false;
  bool no_udp_gso = false;
  bool no_udp_gro = false;
  bool no_tun_offloads = false;
};

// `warren wg`: a plain WireGuard device in userspace.
int run_wg(const WgArgs& args, Context& context);

void add_wg(CLI::App& root, Context& context);

}  // namespace warren::cli
