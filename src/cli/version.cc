#include "cli/version.h"

#include <ostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace warren::cli {

std::string_view version_line() {
  return "warren " WARREN_VERSION;
}

void add_version(CLI::App& root, Context& context) {
  root.add_subcommand("version", "Print the version")->callback([&context] {
    context.out << version_line() << '\n';
  });
}

}  // namespace warren::cli
