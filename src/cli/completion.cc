#include "cli/completion.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace warren::cli {

namespace {

std::string_view last_word(std::string_view name) {
  return name.substr(name.rfind(' ') + 1);
}

// The one to offer of several: the first long one.
std::string_view name_of(const OptionInfo& option) {
  for (const std::string& name : option.names) {
    if (name.starts_with("--")) return name;
  }
  return option.names.front();
}

// " admin user" of "warren admin user": where in the tree, as the scripts keep it.
std::string_view place_of(const CommandInfo& command, const CommandInfo& root) {
  return std::string_view(command.name).substr(root.name.size());
}

// In single quotes, for all three shells; descriptions only lose their quotes.
std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c != '\'' && c != '\\') out.push_back(c);
  }
  return out + "'";
}

std::vector<std::string> places_below(const CommandInfo& root) {
  std::vector<std::string> out;
  for_each(root, [&](const CommandInfo& command) {
    if (&command != &root) out.push_back(fmt::format("\"{}\"", place_of(command, root)));
  });
  return out;
}

// What _describe takes: "name:what it is".
std::string described(std::string_view name, std::string_view help) {
  std::string out(name);
  out.push_back(':');
  for (const char c : help) {
    if (c == ':') out.push_back('\\');
    out.push_back(c);
  }
  // The backslashes are ours, so single_quoted() must not take them.
  std::string quotes = "'";
  for (const char c : out) {
    if (c != '\'') quotes.push_back(c);
  }
  return quotes + "'";
}

}  // namespace

std::string bash_completion(const CommandInfo& root) {
  std::string out = fmt::format(
      "# bash completion for {0}\n"
      "_{0}() {{\n"
      "  local at= word words=\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    case \"$at $word\" in\n"
      "      {1}) at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n",
      root.name, fmt::join(places_below(root), "|"));
  for_each(root, [&](const CommandInfo& command) {
    std::vector<std::string> words;
    words.reserve(command.commands.size());
    for (const CommandInfo& below : command.commands) words.emplace_back(last_word(below.name));
    for (const OptionInfo& option : command.options) {
      if (!option.is_argument) words.emplace_back(name_of(option));
    }
    out += fmt::format("    \"{}\") words=\"{}\" ;;\n", place_of(command, root),
                       fmt::join(words, " "));
  });
  out += fmt::format(
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
      "}}\n"
      "complete -o default -F _{0} {0}\n",
      root.name);
  return out;
}

std::string zsh_completion(const CommandInfo& root) {
  std::string out = fmt::format(
      "#compdef {0}\n"
      "_{0}() {{\n"
      "  local at= word\n"
      "  local -a subcommands options\n"
      "  for word in \"${{(@)words[2,CURRENT-1]}}\"; do\n"
      "    case \"$at $word\" in\n"
      "      {1}) at=\"$at $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at\" in\n",
      root.name, fmt::join(places_below(root), "|"));
  for_each(root, [&](const CommandInfo& command) {
    std::vector<std::string> commands;
    std::vector<std::string> options;
    commands.reserve(command.commands.size());
    for (const CommandInfo& below : command.commands)
      commands.push_back(described(last_word(below.name), below.help));
    for (const OptionInfo& option : command.options) {
      if (!option.is_argument) options.push_back(described(name_of(option), option.help));
    }
    out += fmt::format("    \"{}\")\n      subcommands=({})\n      options=({}) ;;\n",
                       place_of(command, root), fmt::join(commands, " "), fmt::join(options, " "));
  });
  out += fmt::format(
      "  esac\n"
      "  (( $#subcommands )) && _describe -t commands command subcommands\n"
      "  if [[ $PREFIX == -* ]]; then\n"
      "    _describe -o -t options option options\n"
      "  elif (( ! $#subcommands )); then\n"
      "    _files\n"
      "  fi\n"
      "}}\n"
      "compdef _{0} {0}\n",
      root.name);
  return out;
}

std::string fish_completion(const CommandInfo& root) {
  std::string out = fmt::format(
      "# fish completion for {0}\n"
      "function __{0}_at\n"
      "  set -l words (commandline -opc)\n"
      "  set -l at ''\n"
      "  for word in $words[2..-1]\n"
      "    contains -- \"$at $word\" {1}; and set at \"$at $word\"\n"
      "  end\n"
      "  test \"$at\" = \"$argv[1]\"\n"
      "end\n",
      root.name, fmt::join(places_below(root), " "));
  for_each(root, [&](const CommandInfo& command) {
    const std::string where = fmt::format("complete -c {} -n '__{}_at \"{}\"'", root.name,
                                          root.name, place_of(command, root));
    if (!command.commands.empty()) out += where + " -f\n";
    for (const CommandInfo& below : command.commands) {
      out +=
          fmt::format("{} -a {} -d {}\n", where, last_word(below.name), single_quoted(below.help));
    }
    for (const OptionInfo& option : command.options) {
      if (option.is_argument) continue;
      out += where;
      for (const std::string& name : option.names) {
        out += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                      : fmt::format(" -s {}", name.substr(1));
      }
      out += fmt::format("{} -d {}\n", option.placeholder.empty() ? "" : " -r",
                         single_quoted(option.help));
    }
  });
  return out;
}

}  // namespace warren::cli
