#pragma once

#include "cli/command_tree.h"
#include "cli/context.h"

namespace warren::cli {

// The `warren` command line: parses, runs one command, returns the exit code. Throws nothing.
int run(int argc, const char* const* argv, Context& context);

// All commands that `--help` shows, as data.
CommandInfo describe_commands(Context& context);

}  // namespace warren::cli
