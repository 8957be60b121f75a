#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren ping`: probes a peer, and shows which path answered.
void add_ping(CLI::App& root, Context& context);

}  // namespace warren::cli
