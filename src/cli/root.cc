#include "cli/root.h"

#include <exception>
#include <ostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/lab.h"
#include "cli/version.h"
#include "cli/wg.h"

namespace warren::cli {

namespace {

int parse_and_run(int argc, const char* const* argv, Context& context) {
  CLI::App root("Warren: private access to your own machines, over WireGuard.", "warren");
  root.set_version_flag("--version", std::string(version_line()), "Print the version");
  root.require_subcommand(1);
  root.footer("`warren COMMAND --help` says more about a command, with an example.");
  add_wg(root, context);
  add_lab(root, context);
  add_version(root, context);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Also how CLI11 says that --help or --version was asked for.
    const int code = root.exit(error, context.out, context.err);
    return code == 0 ? 0 : kBadUsage;
  }
  return context.exit_code;
}

}  // namespace

int run(int argc, const char* const* argv, Context& context) {
  try {
    return parse_and_run(argc, argv, context);
  } catch (const std::exception& error) {
    context.err << "warren: this is a bug, please report it: " << error.what() << '\n';
    return kFailed;
  }
}

}  // namespace warren::cli
