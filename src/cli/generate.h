#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren man` and `warren completion`, which packaging calls and `--help` does not show. Both
// describe `root` as it is when they run.
void add_man(CLI::App& root, Context& context);
void add_completion(CLI::App& root, Context& context);

}  // namespace warren::cli
