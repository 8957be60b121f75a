#include "cli/root.h"

#include <array>
#include <exception>
#include <ostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "cli/addresses.h"
#include "cli/admin.h"
#include "cli/connection.h"
#include "cli/debug.h"
#include "cli/dns.h"
#include "cli/generate.h"
#include "cli/lab.h"
#include "cli/netcheck.h"
#include "cli/ping.h"
#include "cli/settings.h"
#include "cli/status.h"
#include "cli/up.h"
#include "cli/version.h"
#include "cli/wg.h"

namespace warren::cli {

namespace {

struct Command {
  const char* group;  // in `--help`; null: not shown
  void (*add)(CLI::App& root, Context& context);
};

constexpr const char* kConnection = "This machine";
constexpr const char* kNetwork = "The network";
constexpr const char* kServer = "The server";
constexpr const char* kMore = "More";

// All commands. Help, manual pages and completions come from what each adds.
constexpr std::array kCommands = {
    Command{kConnection, add_up},  Command{kConnection, add_down},   Command{kConnection, add_set},
    Command{kConnection, add_get}, Command{kConnection, add_logout}, Command{kConnection, add_wait},
    Command{kNetwork, add_status}, Command{kNetwork, add_ping},      Command{kNetwork, add_ip},
    Command{kNetwork, add_whois},  Command{kNetwork, add_netcheck},  Command{kNetwork, add_dns},
    Command{kServer, add_admin},   Command{kMore, add_version},      Command{kMore, add_bugreport},
    Command{kMore, add_debug},     Command{kMore, add_wg},           Command{kMore, add_lab},
    Command{nullptr, add_man},     Command{nullptr, add_completion},
};

void add_commands(CLI::App& root, Context& context) {
  std::size_t known = 0;
  for (const Command& command : kCommands) {
    command.add(root, context);
    for (const auto all = root.get_subcommands({}); known < all.size(); ++known) {
      if (command.group != nullptr) all[known]->group(command.group);
    }
  }
}

void prepare(CLI::App& root, Context& context) {
  root.set_version_flag("--version", std::string(version_line()), "Print the version");
  root.add_option(
          "--socket", context.socket,
          "Where warrend listens, or for `admin` warren-server (default: below /run/warren)")
      ->type_name("PATH");
  root.require_subcommand(1);
  root.footer("`warren COMMAND --help` says more about a command, with an example.");
  add_commands(root, context);
}

constexpr const char* kWhat = "Warren: private access to your own machines, over WireGuard.";

int parse_and_run(int argc, const char* const* argv, Context& context) {
  CLI::App root(kWhat, "warren");
  prepare(root, context);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Also how CLI11 says that --help or --version was asked for.
    const auto unknown = root.remaining(true);
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
        !unknown.empty() && !unknown.front().starts_with('-')) {
      context.err << fmt::format("warren: there is no command {}: `warren --help` shows them\n",
                                 unknown.front());
      return kBadUsage;
    }
    const int code = root.exit(error, context.out, context.err);
    return code == 0 ? 0 : kBadUsage;
  }
  return context.exit_code;
}

}  // namespace

CommandInfo describe_commands(Context& context) {
  CLI::App root(kWhat, "warren");
  prepare(root, context);
  return describe(root);
}

int run(int argc, const char* const* argv, Context& context) {
  try {
    return parse_and_run(argc, argv, context);
  } catch (const std::exception& error) {
    context.err << "warren: this is a bug, please report it: " << error.what() << '\n';
    return kFailed;
  }
}

}  // namespace warren::cli
