#include "cli/debug.h"

#include <array>
#include <memory>
#include <ostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/json_object.h"
#include "cli/json_text.h"
#include "cli/local_api.h"

namespace warren::cli {

namespace {

struct BugreportArgs {
  std::string note;
  bool json = false;
};

int run_bugreport(const BugreportArgs& args, Context& context) {
  std::string target = "bugreport";
  if (!args.note.empty()) target += "?note=" + encode_component(args.note);
  auto marker = LocalApi::node(context).send("POST", target);
  if (!marker) return fail_with(context, "bugreport", marker.error());
  while (marker->ends_with('\n')) marker->pop_back();
  if (args.json) {
    context.out << indented(json::ObjectText().text("marker", *marker).done());
  } else {
    context.out << *marker << '\n';
  }
  return 0;
}

// What warrend answers, printed.
struct Page {
  const char* name;
  const char* target;
  const char* help;
  bool is_json;
};

constexpr std::array kPages = {
    Page{"prefs", "prefs", "The preferences, as they are stored", true},
    Page{"derp-map", "derpmap", "The relays the server named", true},
    Page{"metrics", "metrics", "Counters, as Prometheus reads them", false},
    Page{"state", "warren/debug", "All that warrend knows: peers, paths, routes, counters", true},
};

int run_page(const Page& page, Context& context) {
  const auto body = LocalApi::node(context).get(page.target);
  if (!body) return fail_with(context, std::string("debug ") + page.name, body.error());
  context.out << (page.is_json ? indented(*body) : *body);
  return 0;
}

}  // namespace

void add_bugreport(CLI::App& root, Context& context) {
  auto args = std::make_shared<BugreportArgs>();
  CLI::App* const command =
      root.add_subcommand("bugreport", "Mark this moment in warrend's log, for a report");
  command->footer(
      "Prints the mark: name it in the report, beside the log around it. Nothing is sent.\n"
      "\n"
      "Example:\n"
      "  warren bugreport \"no answer from laptop\"\n"
      "  journalctl -u warrend --since=-10min");
  command->add_option("note", args->note, "What went wrong, for the log")->type_name("");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &context] { context.exit_code = run_bugreport(*args, context); });
}

void add_debug(CLI::App& root, Context& context) {
  CLI::App* const debug =
      root.add_subcommand("debug", "What warrend knows; forms may change with any version");
  debug->require_subcommand(1);
  debug->footer("Example:\n  sudo warren debug state\n  warren debug metrics");
  auto json = std::make_shared<bool>(false);
  for (const Page& page : kPages) {
    CLI::App* const command = debug->add_subcommand(page.name, page.help);
    command->footer(std::string("Example:\n  warren debug ") + page.name);
    // All of it is what it is; the flag is there because every command has it.
    if (page.is_json) command->add_flag("--json", *json, "Print JSON, as without it");
    command->callback([&page, &context, json] { context.exit_code = run_page(page, context); });
  }
}

}  // namespace warren::cli
