#include "cli/settings.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_writer.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/text_table.h"

namespace warren::cli {

namespace {

json::Raw value_of(const Setting& setting, const Prefs& prefs) {
  const auto found = prefs.find(setting.name);
  return found == prefs.end() ? default_of(setting) : found->second;
}

// For a shell, in single quotes where it is needed.
std::string shell_word(std::string_view text) {
  const bool is_plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~:@/,+=").find(c) != std::string_view::npos;
  });
  if (is_plain) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

int run_set(const SettingFlags& flags, Context& context) {
  const Prefs given = flags.given();
  if (given.empty()) {
    return fail_with(context, "set", kBadUsage,
                     "say what to change: `warren set --help` shows the settings");
  }
  const auto done = LocalApi::node(context).send("PATCH", "prefs", masked(given));
  return done ? 0 : fail_with(context, "set", done.error());
}

struct GetArgs {
  std::string name;
  bool json = false;
  bool set_flags = false;
};

int run_get(const GetArgs& args, Context& context) {
  const auto body = LocalApi::node(context).get("prefs");
  if (!body) return fail_with(context, "get", body.error());
  const auto prefs = read_answer<Prefs>(*body);
  if (!prefs) return fail_with(context, "get", prefs.error());

  std::vector<const Setting*> chosen;
  for (const Setting& setting : kSettings) {
    if (args.name.empty() || args.name == setting.flag) chosen.push_back(&setting);
  }
  if (chosen.empty()) {
    return fail_with(context, "get", kBadUsage,
                     fmt::format("there is no setting {}: `warren get` shows them all", args.name));
  }
  if (args.json) {
    std::string text;
    json::Writer out(text);
    out.open_object();
    for (const Setting* const setting : chosen) {
      out.key(setting->flag);
      out.raw(value_of(*setting, *prefs).text());
    }
    out.close_object();
    context.out << indented(text);
  } else if (args.set_flags) {
    std::vector<std::string> words;
    for (const Setting* const setting : chosen) {
      if (setting->is_for_set) words.push_back(as_argument(*setting, value_of(*setting, *prefs)));
    }
    context.out << fmt::format("{}\n", fmt::join(words, " "));
  } else if (!args.name.empty()) {
    context.out << printable(as_text(value_of(*chosen.front(), *prefs))) << '\n';
  } else {
    TextTable table;
    for (const Setting* const setting : chosen)
      table.add({setting->flag, printable(as_text(value_of(*setting, *prefs)))});
    context.out << table.text();
  }
  return 0;
}

}  // namespace

std::shared_ptr<SettingFlags> SettingFlags::add_to(CLI::App& command, Scope scope) {
  auto flags = std::make_shared<SettingFlags>();
  for (std::size_t i = 0; i < kSettings.size(); ++i) {
    const Setting& setting = kSettings[i];
    if (scope == Scope::Set && !setting.is_for_set) continue;
    const std::string name = fmt::format("--{}", setting.flag);
    if (setting.kind == Setting::Kind::Switch) {
      command.add_flag_function(
          name,
          [flags, i](std::int64_t count) { flags->values_[i] = json::Raw::boolean(count > 0); },
          setting.default_on
              ? fmt::format("{} (the default); --{}=false leaves it", setting.help, setting.flag)
              : fmt::format("{}; --{}=false undoes it", setting.help, setting.flag));
    } else {
      command
          .add_option_function<std::string>(
              name,
              [flags, i](const std::string& text) { flags->values_[i] = json::Raw::string(text); },
              setting.help)
          ->type_name(setting.placeholder);
    }
  }
  return flags;
}

Prefs SettingFlags::given() const {
  Prefs out;
  for (std::size_t i = 0; i < kSettings.size(); ++i) {
    if (values_[i]) out.emplace(kSettings[i].name, *values_[i]);
  }
  return out;
}

json::Raw default_of(const Setting& setting) {
  return setting.kind == Setting::Kind::Switch ? json::Raw::boolean(setting.default_on)
                                               : json::Raw::string("");
}

bool is_default(const Setting& setting, const Prefs& prefs) {
  return value_of(setting, prefs) == default_of(setting);
}

std::string as_text(const json::Raw& value) {
  const auto text = json::wire::read_text<std::string>(value.text(), kAnswerLimits);
  return text ? *text : value.text();
}

std::string as_argument(const Setting& setting, const json::Raw& value) {
  if (setting.kind == Setting::Kind::Switch && value == json::Raw::boolean(true))
    return fmt::format("--{}", setting.flag);
  const std::string text = as_text(value);
  return fmt::format("--{}={}", setting.flag, text.empty() ? text : shell_word(text));
}

std::string masked(const Prefs& changes) {
  std::string text;
  json::Writer out(text);
  out.open_object();
  for (const auto& [name, value] : changes) {
    out.key(name);
    out.raw(value.text());
    out.key(name + "Set");
    out.boolean(true);
  }
  out.close_object();
  return text;
}

void add_set(CLI::App& root, Context& context) {
  CLI::App* const command = root.add_subcommand("set", "Change settings, and only those given");
  command->footer(
      "Example:\n"
      "  warren set --hostname=laptop --shields-up\n"
      "  sudo warren set --operator=$USER      from now on without sudo");
  const auto flags = SettingFlags::add_to(*command, SettingFlags::Scope::Set);
  command->callback([flags, &context] { context.exit_code = run_set(*flags, context); });
}

void add_get(CLI::App& root, Context& context) {
  auto args = std::make_shared<GetArgs>();
  CLI::App* const command = root.add_subcommand("get", "Show settings");
  command->footer(
      "Example:\n"
      "  warren get                  all of them\n"
      "  warren get hostname\n"
      "  warren get --set-flags      as arguments for `warren set`");
  command->add_option("setting", args->name, "The one to show (default: all)")->type_name("");
  command->add_flag("--json", args->json, "Print JSON");
  command->add_flag("--set-flags", args->set_flags, "Print arguments for `warren set`");
  command->callback([args, &context] { context.exit_code = run_get(*args, context); });
}

}  // namespace warren::cli
