#pragma once

#include "cli/context.h"

namespace warren::cli {

// The `warren` command line: parses, runs one command, returns the exit code. Throws nothing.
int run(int argc, const char* const* argv, Context& context);

}  // namespace warren::cli
