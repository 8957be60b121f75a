#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren bugreport`, and `warren debug` with what warrend knows.
void add_bugreport(CLI::App& root, Context& context);
void add_debug(CLI::App& root, Context& context);

}  // namespace warren::cli
