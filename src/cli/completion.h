#pragma once

#include <string>

#include "cli/command_tree.h"

namespace warren::cli {

// Scripts that complete commands and options in a shell, made from the commands themselves.
std::string bash_completion(const CommandInfo& root);
std::string zsh_completion(const CommandInfo& root);
std::string fish_completion(const CommandInfo& root);

}  // namespace warren::cli
