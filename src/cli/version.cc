#include "cli/version.h"

#include <memory>
#include <ostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_object.h"
#include "base/version.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "cli/text_table.h"

namespace warren::cli {

namespace {

struct VersionArgs {
  bool daemon = false;
  bool json = false;
};

int run_version(const VersionArgs& args, Context& context) {
  std::string daemon;
  if (args.daemon) {
    const auto json = fetch_status(context, Peers::Without);
    if (!json) return fail_with(context, "version", json.error());
    const auto status = node::decode_status(*json);
    if (!status) return fail_with(context, "version", status.error());
    daemon = printable(status->version);
  }
  if (args.json) {
    json::ObjectText out;
    out.text("version", version());
    if (args.daemon) out.text("daemon", daemon);
    context.out << indented(out.done());
  } else {
    context.out << version_line() << '\n';
    if (args.daemon) context.out << fmt::format("warrend {}\n", daemon);
  }
  return 0;
}

}  // namespace

std::string version_line() {
  return fmt::format("warren {}", version());
}

void add_version(CLI::App& root, Context& context) {
  auto args = std::make_shared<VersionArgs>();
  CLI::App* const command = root.add_subcommand("version", "Print the version");
  command->footer("Example:\n  warren version --daemon");
  command->add_flag("--daemon", args->daemon, "That of warrend too, which may be another");
  command->add_flag("--json", args->json, "Print JSON");
  command->callback([args, &context] { context.exit_code = run_version(*args, context); });
}

}  // namespace warren::cli
