#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren dns status` and `warren dns query` (node-features.md sections 4.7 and 18.6).
void add_dns(CLI::App& root, Context& context);

}  // namespace warren::cli
