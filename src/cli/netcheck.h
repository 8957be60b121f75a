#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren netcheck`: what this machine's network lets through.
void add_netcheck(CLI::App& root, Context& context);

}  // namespace warren::cli
