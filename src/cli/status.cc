#include "cli/status.h"

#include <memory>
#include <ostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "node/core/status_text.h"

namespace warren::cli {

namespace {

struct StatusArgs {
  bool json = false;
  bool active = false;
  bool self = true;
  bool peers = true;
  bool header = false;
};

int run_status(const StatusArgs& args, Context& context) {
  const auto json = fetch_status(context, args.peers ? Peers::With : Peers::Without);
  if (!json) return fail_with(context, "status", json.error());
  const auto status = read_status(context, *json);
  if (!status) return fail_with(context, "status", status.error());
  const auto why_not = node::not_running_text(*status);
  if (args.json) {
    context.out << indented(*json);
  } else if (why_not) {
    context.out << *why_not;
  } else {
    context.out << node::status_text(*status,
                                     {.header = args.header,
                                      .only_active = args.active,
                                      .with_self = args.self,
                                      .with_peers = args.peers},
                                     context.wall_now());
  }
  // For scripts JSON says it itself.
  return why_not && !args.json ? kFailed : 0;
}

}  // namespace

void add_status(CLI::App& root, Context& context) {
  auto args = std::make_shared<StatusArgs>();
  CLI::App* const command =
      root.add_subcommand("status", "The machines of the network, and how each is reached");
  command->footer(
      "A row is: address, name, owner, system, state. The state says whether packets go directly "
      "to\n"
      "the machine or through a relay and then why, since when, and how long they take.\n"
      "Ends with 1 when this machine is not in the network.\n"
      "\n"
      "Example:\n"
      "  warren status --header\n"
      "  warren status --json --peers=false      only this machine");
  command->add_flag("--json", args->json, "Print JSON");
  command->add_flag("--active", args->active, "Only peers that packets were sent to lately");
  command->add_flag("--self,!--no-self", args->self, "This machine too; --self=false leaves it out")
      ->default_str("true");
  command
      ->add_flag("--peers,!--no-peers", args->peers,
                 "The other machines too; --peers=false leaves them out")
      ->default_str("true");
  command->add_flag("--header", args->header, "Captions above the columns");
  command->callback([args, &context] { context.exit_code = run_status(*args, context); });
}

}  // namespace warren::cli
