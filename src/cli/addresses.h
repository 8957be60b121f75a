#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren ip` and `warren whois`: from machines to addresses and back.
void add_ip(CLI::App& root, Context& context);
void add_whois(CLI::App& root, Context& context);

}  // namespace warren::cli
