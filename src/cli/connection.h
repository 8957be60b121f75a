#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren down`, `warren logout`, `warren wait`.
void add_down(CLI::App& root, Context& context);
void add_logout(CLI::App& root, Context& context);
void add_wait(CLI::App& root, Context& context);

}  // namespace warren::cli
