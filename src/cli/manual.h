#pragma once

#include <string>
#include <string_view>

#include "cli/command_tree.h"

namespace warren::cli {

// The manual page of a command in roff (man(7)), with all commands below it. The page of the whole
// program names its commands only: each has a page of its own.
enum class Depth : unsigned char { Names, All };
std::string manual_page(const CommandInfo& command, Depth depth, std::string_view version);

// "warren-up.1" of "warren up".
std::string manual_file_name(const CommandInfo& command);

}  // namespace warren::cli
