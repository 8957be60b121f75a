#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren lab`: a small Internet on this machine.
void add_lab(CLI::App& root, Context& context);

}  // namespace warren::cli
