#include "cli/connection.h"

#include <memory>
#include <ostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/json_map.h"
#include "base/json_object.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "cli/node_bus.h"
#include "cli/settings.h"

namespace warren::cli {

namespace {

// The server is told, which may take its time; warrend gives up before.
constexpr Duration kLogoutTimeout = 20s;

int finish(Context& context, std::string_view command, const Result<std::string>& done, bool json) {
  if (!done) return fail_with(context, command, done.error());
  if (json) context.out << indented(json::ObjectText().boolean("ok", true).done());
  return 0;
}

int run_down(bool json, Context& context) {
  const auto body = fetch_status(context, Peers::Without);
  if (!body) return fail_with(context, "down", body.error());
  const auto status = node::decode_status(*body);
  if (status && status->backend_state == "Stopped" && !json)
    context.err << "Warren was stopped already.\n";
  return finish(context, "down",
                LocalApi::node(context).send("PATCH", "prefs",
                                             masked({{"WantRunning", json::Raw::boolean(false)}})),
                json);
}

int run_logout(bool json, Context& context) {
  return finish(context, "logout",
                LocalApi::node(context).send("POST", "logout", {}, kLogoutTimeout), json);
}

struct WaitArgs {
  std::string timeout;
  bool json = false;
};

int run_wait(const WaitArgs& args, Context& context) {
  WaitOptions wait{.command = "wait",
                   .timeout = std::nullopt,
                   .login = WaitOptions::Login::LeaveIt,
                   .json = args.json};
  if (!args.timeout.empty()) {
    wait.timeout = json::parse_duration(args.timeout);
    if (!wait.timeout)
      return fail_with(context, "wait", kBadUsage, "--timeout: expected a duration such as 30s");
    if (*wait.timeout == Duration::zero()) wait.timeout.reset();
  }
  const auto done = wait_until_running(wait, context);
  return done ? 0 : fail_with(context, "wait", done.error());
}

}  // namespace

void add_down(CLI::App& root, Context& context) {
  auto json = std::make_shared<bool>(false);
  CLI::App* const command =
      root.add_subcommand("down", "Leave the network until the next `warren up`; stays logged in");
  command->footer("Example:\n  warren down");
  command->add_flag("--json", *json, "Print JSON");
  command->callback([json, &context] { context.exit_code = run_down(*json, context); });
}

void add_logout(CLI::App& root, Context& context) {
  auto json = std::make_shared<bool>(false);
  CLI::App* const command = root.add_subcommand(
      "logout", "Leave the network, and have the server forget this machine's key");
  command->footer("Example:\n  warren logout");
  command->add_flag("--json", *json, "Print JSON");
  command->callback([json, &context] { context.exit_code = run_logout(*json, context); });
}

void add_wait(CLI::App& root, Context& context) {
  auto args = std::make_shared<WaitArgs>();
  CLI::App* const command =
      root.add_subcommand("wait", "Return when this machine is in the network and has addresses");
  command->footer(
      "Example, in a script that listens on the address of this machine:\n"
      "  warren wait --timeout=30s && exec sshd -D -o ListenAddress=$(warren ip -4)");
  command->add_option("--timeout", args->timeout, "Give up after this time (default: 0, never)")
      ->type_name("DURATION");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &context] { context.exit_code = run_wait(*args, context); });
}

}  // namespace warren::cli
