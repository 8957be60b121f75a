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
#include "main/server/certificates.h"
#include "main/server/config.h"
#include "main/server/program.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

constexpr const char* kMore =
    "On a machine with a public address, as root:\n"
    "  warren-server --url https://warren.example.org\n"
    "\n"
    "The first start makes the keys, the database and a certificate, and prints the command that\n"
    "lets your machines join. Afterwards `warren admin` manages users, keys and machines. Ports: \n"
    "443 and 80 TCP, 3478 and 41641 UDP. SIGHUP reads the certificate, names and the log level\n"
    "again, SIGTERM tells the machines and stops.";

struct Arguments {
  std::string config;
  std::string url;
  std::string state_dir;
  std::string log_level;
  bool check = false;
};

Result<server::Config> read_config(const Arguments& arguments) {
  WARREN_TRY(server::Config out, server::load_config(arguments.config));
  if (!arguments.url.empty()) out.url = arguments.url;
  if (!arguments.state_dir.empty()) out.state_dir = arguments.state_dir;
  if (!arguments.log_level.empty()) out.log.level = arguments.log_level;
  if (parse_log_level(out.log.level) == nullptr) {
    return fail(Errc::InvalidArgument, "--log-level: choose trace, debug, info, warn or error");
  }
  return out;
}

// Everything but running: also whether the certificate can be used.
Result<void> check(const server::Config& config) {
  WARREN_TRY(const auto address, server::public_address(config));
  WARREN_TRY(const auto source, server::certificate_source(config, address));
  if (source == server::CertificateSource::Files) {
    WARREN_TRY_VOID(
        server::load_certificate(config, address, nullptr, io::SystemWallClock().now()));
  }
  std::cout << "The configuration is good: machines reach this server at " << address.text()
            << '\n';
  return {};
}

Result<void> run(const Arguments& arguments) {
  WARREN_TRY(const server::Config config, read_config(arguments));
  if (arguments.check) return check(config);
  SystemRandom random;
  const io::SystemWallClock wall_clock;
  // Before there are threads: capabilities belong to each.
  if (!config.has_role("hub")) WARREN_TRY_VOID(io::give_up_network_administration());
  Log log = Log::to_stderr(*parse_log_level(config.log.level));
  server::Program program(config, [&] { return read_config(arguments); }, random, wall_clock, log);
  WARREN_TRY_VOID(program.start());
  program.run();
  return {};
}

int parse_and_run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Warren's server: coordination, relay and STUN on a public address.",
               "warren-server");
  app.footer(kMore);
  app.set_version_flag("--version", "warren-server " + std::string(version()), "Print the version");
  app.add_option("-c,--config", arguments.config,
                 "The configuration (default: /etc/warren/server.json, if it is there)")
      ->type_name("FILE");
  app.add_option("--url", arguments.url,
                 "How machines reach this server (default: https and this machine's address)")
      ->type_name("URL");
  app.add_option("--state-dir", arguments.state_dir,
                 "Where keys and database are (default: /var/lib/warren/server)")
      ->type_name("DIRECTORY");
  app.add_option("--log-level", arguments.log_level, "trace, debug, info, warn or error")
      ->type_name("LEVEL");
  app.add_flag("--check-config", arguments.check, "Only say whether the configuration is good");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  const auto outcome = run(arguments);
  if (outcome) return 0;
  std::cerr << "warren-server: " << outcome.error().detail << '\n';
  return kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  // A crowd's maps are large for a moment. Unless told, the allocator learns from the first that is
  // freed to keep what is as large: 500 machines that join left 60 MiB behind instead of 33.
  mallopt(M_MMAP_THRESHOLD, 32 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);  // what it is by default, but not fixed
  try {
    if (!init_crypto()) {
      std::cerr
          << "warren-server: the system has no source of randomness: is /dev/urandom there?\n";
      return kFailed;
    }
    static_cast<void>(
        std::signal(SIGPIPE, SIG_IGN));  // a connection that went away is an error code
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    static_cast<void>(
        std::fprintf(stderr, "warren-server: this is a bug, please report it: %s\n", error.what()));
    return kFailed;
  }
}
