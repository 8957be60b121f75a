#pragma once

#include <string_view>

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

std::string_view version();       // "0.1.0"
std::string_view version_line();  // "warren 0.1.0"

void add_version(CLI::App& root, Context& context);

}  // namespace warren::cli
