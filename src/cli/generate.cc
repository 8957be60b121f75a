#include "cli/generate.h"

#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/version.h"
#include "cli/command_tree.h"
#include "cli/completion.h"
#include "cli/local_api.h"
#include "cli/manual.h"
#include "cli/version.h"

namespace warren::cli {

namespace {

struct ManArgs {
  std::string directory;
  std::string command;
};

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return fail(Errc::Io, fmt::format("cannot write {}", path));
  return {};
}

int run_man(const ManArgs& args, const CLI::App& app, Context& context) {
  const CommandInfo root = describe(app);
  if (!args.directory.empty()) {
    std::vector<std::pair<std::string, std::string>> files = {
        {manual_file_name(root), manual_page(root, Depth::Names, version())}};
    for (const CommandInfo& command : root.commands)
      files.emplace_back(manual_file_name(command), manual_page(command, Depth::All, version()));
    for (const auto& [name, text] : files) {
      if (const auto written = write_file(fmt::format("{}/{}", args.directory, name), text);
          !written) {
        return fail_with(context, "man", written.error());
      }
    }
    return 0;
  }
  if (args.command.empty()) {
    context.out << manual_page(root, Depth::Names, version());
    return 0;
  }
  for (const CommandInfo& command : root.commands) {
    if (command.name != fmt::format("{} {}", root.name, args.command)) continue;
    context.out << manual_page(command, Depth::All, version());
    return 0;
  }
  return fail_with(context, "man", kBadUsage, fmt::format("there is no command {}", args.command));
}

int run_completion(const std::string& shell, const CLI::App& app, Context& context) {
  const CommandInfo root = describe(app);
  if (shell == "bash") {
    context.out << bash_completion(root);
  } else if (shell == "zsh") {
    context.out << zsh_completion(root);
  } else if (shell == "fish") {
    context.out << fish_completion(root);
  } else {
    return fail_with(context, "completion", kBadUsage, "choose bash, zsh or fish");
  }
  return 0;
}

}  // namespace

void add_man(CLI::App& root, Context& context) {
  auto args = std::make_shared<ManArgs>();
  CLI::App* const command = root.add_subcommand("man", "Print a manual page in roff");
  command->group("");
  command->footer(
      "Example:\n"
      "  warren man up | man -l -\n"
      "  warren man --directory=/usr/share/man/man1      write them all");
  command->add_option("command", args->command, "Whose page (default: that of `warren`)")
      ->type_name("");
  command->add_option("--directory", args->directory, "Write all pages there, a file each")
      ->type_name("DIR");
  command->callback([args, &root, &context] { context.exit_code = run_man(*args, root, context); });
}

void add_completion(CLI::App& root, Context& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* const command =
      root.add_subcommand("completion", "Print a script that completes commands in a shell");
  command->group("");
  command->footer("Example:\n  warren completion bash > /etc/bash_completion.d/warren");
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("");
  command->callback(
      [shell, &root, &context] { context.exit_code = run_completion(*shell, root, context); });
}

}  // namespace warren::cli
