#pragma once

#include <string>

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

std::string version_line();  // "warren 0.1.0"

void add_version(CLI::App& root, Context& context);

}  // namespace warren::cli
