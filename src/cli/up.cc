#include "cli/up.h"

#include <fstream>
#include <memory>
#include <ostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_map.h"
#include "base/json_writer.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "cli/node_bus.h"
#include "cli/settings.h"

namespace warren::cli {

namespace {

constexpr std::string_view kFilePrefix = "file:";
constexpr std::size_t kMaxKeyText = 4096;  // far above any auth key

struct UpArgs {
  std::string server_key;
  std::string auth_key;
  std::string timeout;
  bool force_reauth = false;
  bool reset = false;
  bool json = false;
};

// The key itself, or what the file holds.
Result<std::string> read_auth_key(const std::string& given) {
  if (!given.starts_with(kFilePrefix)) return given;
  const std::string path = given.substr(kFilePrefix.size());
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::NotFound, fmt::format("--auth-key: cannot read {}", path));
  std::string text(kMaxKeyText, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos)
    return fail(Errc::InvalidArgument, fmt::format("--auth-key: {} is empty", path));
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// What `up` changes. With no setting among its flags it leaves all as they are; with one, all are
// to be said, so that what a script wrote down is what holds (node-features.md section 18.2).
Result<Prefs> changes_of(const Prefs& given,
                         const Prefs& current,
                         bool is_reset,
                         const Context& context) {
  Prefs out = given;
  std::string forgotten;
  std::string all = "warren up";
  for (const Setting& setting : kSettings) {
    if (const auto said = given.find(setting.name); said != given.end()) {
      all += " " + as_argument(setting, said->second);
    } else if (!is_default(setting, current)) {
      const json::Raw& value = current.at(setting.name);
      all += " " + as_argument(setting, value);
      const bool is_own_name =
          std::string_view(setting.name) == "OperatorUser" && as_text(value) == context.user;
      if (is_reset) {
        out.emplace(setting.name, default_of(setting));
      } else if (!is_own_name) {
        forgotten += fmt::format(" --{}", setting.flag);
      }
    }
  }
  if (!is_reset && !given.empty() && !forgotten.empty()) {
    return fail(Errc::InvalidArgument,
                fmt::format("settings that are not the defaults are to be repeated, or reset with "
                            "--reset; missing:{}. Either change only what you mean to with `warren "
                            "set`, or run:\n\n\t{}\n",
                            forgotten, all));
  }
  return out;
}

std::string start_body(const Prefs& changes, const UpArgs& args, const std::string& auth_key) {
  std::string text;
  json::Writer out(text);
  out.open_object();
  out.plain_key("UpdatePrefs");
  out.raw(masked(changes));
  if (!auth_key.empty()) {
    out.plain_key("AuthKey");
    out.text(auth_key);
  }
  if (!args.server_key.empty()) {
    out.plain_key("ServerKey");
    out.text(args.server_key);
  }
  if (args.force_reauth) {
    out.plain_key("ForceReauth");
    out.boolean(true);
  }
  out.close_object();
  return text;
}

// Who this machine is now. That it is up is said by the exit code, so failures here say nothing.
void greet(Context& context) {
  const auto body = fetch_status(context, Peers::Without);
  if (!body) return;
  const auto status = node::decode_status(*body);
  if (!status || !status->self || status->self->overlay_ips.empty()) return;
  context.out << fmt::format("This machine is {}, {}.\n", name_of(*status->self),
                             status->self->overlay_ips.front().to_string());
}

int run_up(const UpArgs& args, const SettingFlags& flags, Context& context) {
  const auto fail_usage = [&](std::string_view why) {
    return fail_with(context, "up", kBadUsage, why);
  };
  WaitOptions wait{.command = "up",
                   .timeout = std::nullopt,
                   .login = WaitOptions::Login::AskForIt,
                   .json = args.json};
  if (!args.timeout.empty()) {
    wait.timeout = json::parse_duration(args.timeout);
    if (!wait.timeout) return fail_usage("--timeout: expected a duration such as 30s");
    if (*wait.timeout == Duration::zero()) wait.timeout.reset();
  }
  const auto auth_key = read_auth_key(args.auth_key);
  if (!auth_key) return fail_usage(auth_key.error().detail);
  if (!auth_key->empty()) wait.login = WaitOptions::Login::LeaveIt;

  const LocalApi node = LocalApi::node(context);
  const auto body = node.get("prefs");
  if (!body) return fail_with(context, "up", body.error());
  const auto current = read_answer<Prefs>(*body);
  if (!current) return fail_with(context, "up", current.error());
  auto changes = changes_of(flags.given(), *current, args.reset, context);
  if (!changes) return fail_with(context, "up", changes.error());

  const Setting& server = kSettings.front();
  const bool keeps_server = !changes->contains(server.name);
  if (keeps_server ? is_default(server, *current) : is_default(server, *changes)) {
    return fail_usage(
        "say which server to join: `warren up --login-server https://warren.example.org`; "
        "whoever runs it can print the whole command with `warren admin key create`");
  }
  changes->emplace("WantRunning", json::Raw::boolean(true));

  const auto started = node.send("POST", "start", start_body(*changes, args, *auth_key));
  if (!started) return fail_with(context, "up", started.error());
  const auto running = wait_until_running(wait, context);
  if (!running) return fail_with(context, "up", running.error());
  if (!args.json) greet(context);
  return 0;
}

}  // namespace

void add_up(CLI::App& root, Context& context) {
  auto args = std::make_shared<UpArgs>();
  CLI::App* const command = root.add_subcommand("up", "Join the network, or go on in it");
  command->footer(
      "Returns as soon as this machine is in the network. Without an auth key it shows where a\n"
      "person logs in, and waits. Never asks anything, and never touches the default route.\n"
      "\n"
      "Settings are remembered: later `warren up` alone does. With settings among the flags, all "
      "that\n"
      "are not the defaults are to be given; `warren set` changes single ones.\n"
      "\n"
      "Example:\n"
      "  warren up --login-server https://warren.example.org --server-key mkey:0a1b... \\\n"
      "    --auth-key file:/run/secrets/warren");
  const auto flags = SettingFlags::add_to(*command, SettingFlags::Scope::Up);
  command
      ->add_option("--server-key", args->server_key,
                   "The server's key, which it printed at its first start: then nobody can pose "
                   "as it")
      ->type_name("KEY");
  command
      ->add_option("--auth-key,--authkey", args->auth_key,
                   "Log in with a key; file:PATH reads it from a file, which other users of this "
                   "machine do not see in the list of processes")
      ->type_name("KEY");
  command->add_option("--timeout", args->timeout, "Give up after this time (default: 0, never)")
      ->type_name("DURATION");
  command->add_flag("--force-reauth", args->force_reauth, "Log in again, also if there is no need");
  command->add_flag("--reset", args->reset, "Settings that are not given get their defaults");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback(
      [args, flags, &context] { context.exit_code = run_up(*args, *flags, context); });
}

}  // namespace warren::cli
