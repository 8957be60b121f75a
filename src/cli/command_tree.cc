#include "cli/command_tree.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace warren::cli {

namespace {

OptionInfo describe(const CLI::Option& option) {
  OptionInfo out;
  out.help = option.get_description();
  out.is_required = option.get_required();
  if (option.get_positional()) {
    out.is_argument = true;
    out.names = {option.get_name(true)};
    return out;
  }
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) {
    out.placeholder = option.get_type_name();
    if (const auto range = out.placeholder.find(':');
        range != std::string::npos && out.placeholder.find(" in [", range) != std::string::npos) {
      out.placeholder.resize(range);  // "N:UINT in [1 - 100]": the validator's part
    }
    out.default_value = option.get_default_str();
  }
  return out;
}

CommandInfo describe(const CLI::App& app, const std::string& above) {
  CommandInfo out;
  out.name = above.empty() ? app.get_name() : above + " " + app.get_name();
  out.help = app.get_description();
  out.more = app.get_footer();
  for (const CLI::Option* const option : app.get_options()) {
    if (!option->get_group().empty()) out.options.push_back(describe(*option));
  }
  for (const CLI::App* const command :
       app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); })) {
    out.commands.push_back(describe(*command, out.name));
  }
  return out;
}

}  // namespace

CommandInfo describe(const CLI::App& app) {
  return describe(app, {});
}

void for_each(const CommandInfo& command, const std::function<void(const CommandInfo&)>& visit) {
  visit(command);
  for (const CommandInfo& below : command.commands) for_each(below, visit);
}

}  // namespace warren::cli
