#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

struct OptionInfo {
  std::vector<std::string> names;  // with their dashes, short ones first; of an argument its name
  std::string help;
  std::string placeholder;    // "FILE"; empty for what takes no value
  std::string default_value;  // empty: none worth a word
  bool is_argument = false;   // by its place, not by a name
  bool is_required = false;
};

// The command line as data: what manual pages and completions are generated from.
struct CommandInfo {
  std::string name;  // all words: "warren admin user add"
  std::string help;
  std::string more;  // the text below `--help`
  std::vector<OptionInfo> options;
  std::vector<CommandInfo> commands;
};

// What `--help` shows, of `app` and below; hidden commands and options are left out.
CommandInfo describe(const CLI::App& app);

// `command` and all below it, from the top.
void for_each(const CommandInfo& command, const std::function<void(const CommandInfo&)>& visit);

}  // namespace warren::cli
