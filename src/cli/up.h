#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren up`: joins the network, or goes on in it.
void add_up(CLI::App& root, Context& context);

}  // namespace warren::cli
