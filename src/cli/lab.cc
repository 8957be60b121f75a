#include "cli/lab.h"

#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/lab_hub.h"
#include "lab/lab.h"

namespace warren::cli {

namespace {

constexpr const char* kMore =
    "A small Internet on this machine: a public server, homes behind a carrier's NAT, a hotel, an\n"
    "office, IPv6. Hosts are network namespaces, and all that is between them is emulated. "
    "Nothing\n"
    "outside is touched, and `down` removes it all. Needs root. More: docs/lab.md.\n"
    "\n"
    "  warren lab up                              make it; prints a drawing, and what to try\n"
    "  warren lab exec laptop ping -c 3 server    run a command on a host\n"
    "  warren lab status                          who runs what, and what was dropped where\n"
    "  warren lab hub                             a server and three WireGuard devices, nothing "
    "else\n"
    "  warren lab down                            remove it";

constexpr int kNoSuchCommand = 127;  // as a shell says it

struct LabArgs {
  std::string lab{lab::kDefaultLabName};
  std::string host;
  std::string place;
  std::string router;
  std::vector<std::string> command;
  bool json = false;
};

int fail_with(Context& context, int code, std::string_view why) {
  context.err << fmt::format("warren lab: {}\n", why);
  return code;
}

int finish(Context& context, const Result<void>& done) {
  return done ? 0 : fail_with(context, kFailed, done.error().detail);
}

// How the user calls us, to show what to type next.
std::string program_of(const LabArgs& args) {
  return args.lab == lab::kDefaultLabName ? "warren lab"
                                          : fmt::format("warren lab --name {}", args.lab);
}

int show_status(const LabArgs& args, Context& context) {
  const auto status = context.lab->status(args.lab);
  if (!status) return fail_with(context, kFailed, status.error().detail);
  if (args.json) {
    context.out << boost::json::serialize(lab::to_json(*status)) << '\n';
  } else {
    context.out << lab::to_text(*status);
  }
  return status->state == lab::LabState::Up ? 0 : kFailed;
}

int run_up(const LabArgs& args, Context& context) {
  const auto done = context.lab->up(args.lab);
  if (!done) return fail_with(context, kFailed, done.error().detail);
  if (args.json) return show_status(args, context);
  context.out << lab::drawing() << '\n' << lab::suggestions(program_of(args));
  return 0;
}

int run_down(const LabArgs& args, Context& context) {
  const auto was_there = context.lab->down(args.lab);
  if (!was_there) return fail_with(context, kFailed, was_there.error().detail);
  context.out << (*was_there ? "The lab is removed.\n" : "There was no lab.\n");
  return 0;
}

int run_hub(const LabArgs& args, Context& context) {
  return run_lab_hub({.lab = args.lab, .program = program_of(args), .json = args.json}, context);
}

int run_exec(const LabArgs& args, Context& context) {
  const auto host = lab::find_machine(args.host);
  if (!host) return fail_with(context, kBadUsage, host.error().detail);
  if (args.command.empty()) return fail_with(context, kBadUsage, "exec: say which command to run");
  const Error why = context.lab->run_in(args.lab, **host, args.command);
  return fail_with(context, why.code == Errc::NotFound ? kNoSuchCommand : kFailed, why.detail);
}

int run_shell(const LabArgs& args, Context& context) {
  LabArgs with_shell = args;
  const char* const shell = std::getenv("SHELL");
  with_shell.command = {shell != nullptr && *shell != '\0' ? shell : "/bin/sh"};
  return run_exec(with_shell, context);
}

int run_block(const LabArgs& args, lab::Block block, Context& context) {
  const auto host = lab::find_machine(args.host);
  if (!host) return fail_with(context, kBadUsage, host.error().detail);
  return finish(context, context.lab->set_block(args.lab, **host, block));
}

int run_move(const LabArgs& args, Context& context) {
  const auto host = lab::find_machine(args.host);
  if (!host) return fail_with(context, kBadUsage, host.error().detail);
  const auto place = lab::find_place(args.place);
  if (!place) return fail_with(context, kBadUsage, place.error().detail);
  return finish(context, context.lab->move(args.lab, **host, **place));
}

int run_reboot(const LabArgs& args, Context& context) {
  const auto known = lab::check_router(args.router);
  if (!known) return fail_with(context, kBadUsage, known.error().detail);
  return finish(context, context.lab->reboot_router(args.lab, args.router));
}

// The commands of one `warren lab`, which share its arguments.
class Commands {
 public:
  Commands(CLI::App& root, Context& context)
      : args_(std::make_shared<LabArgs>()),
        context_(context),
        lab_(*root.add_subcommand("lab",
                                  "A small Internet with NATs on this machine, to try "
                                  "things")) {
    lab_.require_subcommand(1);
    lab_.footer(kMore);
    lab_.add_option("--name", args_->lab,
                    "Of the lab, where its namespaces' names begin; labs of several names do not "
                    "meet")
        ->type_name("NAME")
        ->capture_default_str();
  }

  template <class Run>
  CLI::App& add(const char* name, const char* what, Run run) {
    CLI::App* const command = lab_.add_subcommand(name, what);
    command->callback([args = args_, &context = context_, run, command] {
      if (const auto good = lab::check_lab_name(args->lab); !good) {
        context.exit_code = fail_with(context, kBadUsage, good.error().detail);
        return;
      }
      args->command = command->remaining();
      context.exit_code = run(*args, context);
    });
    return *command;
  }

  void takes_json(CLI::App& command) { command.add_flag("--json", args_->json, "Print JSON"); }

  void takes_host(CLI::App& command) { takes(command, "host", args_->host, "One of the drawing"); }

  void takes_place(CLI::App& command) {
    takes(command, "place", args_->place, "internet, or the name of a host that is at home there");
  }

  void takes_router(CLI::App& command) {
    takes(command, "router", args_->router, "One of the drawing");
  }

 private:
  static void takes(CLI::App& command, const char* name, std::string& to, const char* what) {
    command.add_option(name, to, what)->required();
  }

  std::shared_ptr<LabArgs> args_;
  Context& context_;
  CLI::App& lab_;
};

}  // namespace

void add_lab(CLI::App& root, Context& context) {
  Commands commands(root, context);
  commands.takes_json(commands.add("up", "Make the lab", run_up));
  commands.add("down", "End what runs in the lab, and remove it", run_down);
  commands.takes_json(
      commands.add("status", "Hosts, addresses, what runs there, what routers do", show_status));
  commands.takes_json(commands.add(
      "hub", "A scene: a server and three stock WireGuard devices, nothing else", run_hub));
  CLI::App& exec =
      commands.add("exec", "Run a command on a host; ends as the command does", run_exec);
  exec.prefix_command();  // what follows is the command's, also its options
  commands.takes_host(exec);
  commands.takes_host(commands.add("shell", "A shell on a host", run_shell));
  commands.takes_host(commands.add(
      "block-udp", "No UDP reaches the host or leaves it",
      [](const LabArgs& args, Context& to) { return run_block(args, lab::Block::Udp, to); }));
  commands.takes_host(commands.add(
      "unblock-udp", "UDP passes again at the host",
      [](const LabArgs& args, Context& to) { return run_block(args, lab::Block::Nothing, to); }));
  CLI::App& move =
      commands.add("move", "Take a host to another place, with an address there", run_move);
  commands.takes_host(move);
  commands.takes_place(move);
  commands.takes_router(
      commands.add("reboot-router", "A router's NAT and firewall forget everything", run_reboot));
  commands
      .add("router", "What is between the hosts; `up` starts it",
           [](const LabArgs& args, Context& to) { return finish(to, to.lab->serve(args.lab)); })
      .group("");  // not shown
}

}  // namespace warren::cli
