#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren status`: the machines of the network, and how each is reached.
void add_status(CLI::App& root, Context& context);

}  // namespace warren::cli
