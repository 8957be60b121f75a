#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include <malloc.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/log.h"
#include "base/version.h"
#include "crypto/system_random.h"
#include "io/clock.h"
#include "io/privileges.h"
#include "main/node/config.h"
#include "main/node/program.h"
#include "node/os/dns_backend.h"
#include "node/os/instance_lock.h"
#include "node/os/policy_rules.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

constexpr const char* kMore =
    "Usually started by systemd: systemctl enable --now warrend. Without it, as root:\n"
    "  warrend &\n"
    "  warren up --login-server https://NAME --server-key mkey:… --auth-key …\n"
    "\n"
    "It keeps the capabilities CAP_NET_ADMIN and CAP_NET_RAW only. SIGHUP reads the configuration\n"
    "again; SIGTERM takes routes, rules and the device back, and ends it.";

struct Arguments {
  std::string config;
  std::string state_dir;
  std::string socket;
  std::string device;
  std::string log_level;
  std::uint16_t port = 0;
  bool check = false;
  bool clean_up = false;
};

Result<noded::Config> read_config(const Arguments& arguments) {
  WARREN_TRY(noded::Config out, noded::load_config(arguments.config));
  if (!arguments.state_dir.empty()) out.state_dir = arguments.state_dir;
  if (!arguments.socket.empty()) out.socket = arguments.socket;
  if (!arguments.device.empty()) out.device = arguments.device;
  if (arguments.port != 0) out.port = arguments.port;
  if (!arguments.log_level.empty()) out.log_level = arguments.log_level;
  if (parse_log_level(out.log_level) == nullptr) {
    return fail(Errc::InvalidArgument, "--log-level: choose trace, debug, info, warn or error");
  }
  return out;
}

Result<void> run(const Arguments& arguments) {
  WARREN_TRY(const noded::Config config, read_config(arguments));
  if (arguments.check) {
    std::cout << "The configuration is good.\n";
    return {};
  }
  Log log = Log::to_stderr(*parse_log_level(config.log_level));
  if (arguments.clean_up) {
    WARREN_TRY(const auto lock, node::InstanceLock::take());
    const auto names = node::clean_dns(noded::dns_host(config));
    WARREN_TRY_VOID(node::clean_host());
    if (!names) return unexpected(names.error());
    return {};
  }
  // Before there are threads: capabilities belong to each.
  WARREN_TRY_VOID(noded::prepare_directories(config));
  auto names = noded::prepare_names(config);
  WARREN_TRY_VOID(io::drop_privileges());
  SystemRandom random;
  const io::SystemWallClock wall_clock;
  noded::Program program(
      config, std::move(names), [&] { return read_config(arguments); }, random, wall_clock, log);
  WARREN_TRY_VOID(program.start());
  program.run();
  return {};
}

int parse_and_run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Warren's node: connects this machine with your others.", "warrend");
  app.footer(kMore);
  app.set_version_flag("--version", "warrend " + std::string(version()), "Print the version");
  app.add_option("-c,--config", arguments.config,
                 "The configuration (default: /etc/warren/node.json, if it is there)")
      ->type_name("FILE");
  app.add_option("--state-dir", arguments.state_dir,
                 "Where keys and settings are (default: /var/lib/warren/node)")
      ->type_name("DIRECTORY");
  app.add_option("--socket", arguments.socket,
                 "Where the command line finds us (default: /run/warren/warrend.sock)")
      ->type_name("FILE");
  app.add_option("--device", arguments.device, "The TUN device (default: warren0)")
      ->type_name("NAME");
  app.add_option("--port", arguments.port, "The UDP port (default: 41641, or the next free one)")
      ->type_name("PORT");
  app.add_option("--log-level", arguments.log_level, "trace, debug, info, warn or error")
      ->type_name("LEVEL");
  app.add_flag("--check-config", arguments.check, "Only say whether the configuration is good");
  app.add_flag("--cleanup", arguments.clean_up,
               "Only take back what a run that was killed has left: routes, rules, the device, the "
               "host's names");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  const auto outcome = run(arguments);
  if (outcome) return 0;
  std::cerr << "warrend: " << outcome.error().detail << '\n';
  return kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  // Threads that hardly ever allocate need no heap each.
  mallopt(M_ARENA_MAX, 1);
  try {
    if (!init_crypto()) {
      std::cerr << "warrend: the system has no source of randomness: is /dev/urandom there?\n";
      return kFailed;
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // a client that went away is an error code
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    static_cast<void>(
        std::fprintf(stderr, "warrend: this is a bug, please report it: %s\n", error.what()));
    return kFailed;
  }
}
