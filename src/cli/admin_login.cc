#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_object.h"
#include "cli/admin.h"
#include "cli/admin_call.h"

namespace warren::cli {

namespace {

struct Login {
  std::string id;
  std::string hostname;
  std::vector<std::string> tags;
  std::string address;
  std::optional<WallTime> asked;
  bool is_waiting = false;
};

template <class Visitor, json::wire::Either<Login> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("id", x.id);
  visit("hostname", x.hostname);
  visit("tags", x.tags);
  visit("address", x.address);
  visit("asked", x.asked);
  visit("waiting", x.is_waiting);
}

struct LoginList {
  std::vector<Login> logins;
};

template <class Visitor, json::wire::Either<LoginList> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("logins", x.logins);
}

struct Admitted {
  std::string name;
  std::vector<std::string> tags;
  std::string ipv4;
};

template <class Visitor, json::wire::Either<Admitted> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("name", x.name);
  visit("tags", x.tags);
  visit("ipv4", x.ipv4);
}

struct LoginArgs {
  std::string id;
  std::string user;
  bool json = false;

  Form form() const { return json ? Form::Json : Form::Text; }
};

std::string list_of(const std::vector<std::string>& tags) {
  return printable(fmt::to_string(fmt::join(tags, ",")));
}

int run_list(const LoginArgs& args, Context& context) {
  return call_admin<LoginList>(
      context, {.command = "admin login list", .method = "GET", .target = "logins", .body = {}},
      args.form(), [&](const LoginList& list) {
        if (list.logins.empty()) {
          context.out << "No machine waits to be let in.\n";
          return;
        }
        TextTable table;
        table.add({"ID", "HOST NAME", "TAGS", "FROM", "ASKED", "STILL THERE"});
        for (const Login& login : list.logins) {
          table.add({printable(login.id), printable(login.hostname),
                     login.tags.empty() ? "-" : list_of(login.tags), printable(login.address),
                     relative(login.asked, context.wall_now(), "-"),
                     login.is_waiting ? "yes" : "no"});
        }
        context.out << table.text();
      });
}

int run_approve(const LoginArgs& args, Context& context) {
  return call_admin<Admitted>(
      context,
      {.command = "admin login approve",
       .method = "POST",
       .target = fmt::format("logins/{}/approve", encode_component(args.id)),
       .body = json::ObjectText().text("user", args.user).done()},
      args.form(), [&](const Admitted& node) {
        context.out << fmt::format(
            "{} is in the network, as a machine of {}: {}\n", printable(node.name),
            node.tags.empty() ? args.user : list_of(node.tags), printable(node.ipv4));
      });
}

int run_refuse(const LoginArgs& args, Context& context) {
  return call_admin<Nothing>(context,
                             {.command = "admin login refuse",
                              .method = "DELETE",
                              .target = "logins/" + encode_component(args.id),
                              .body = {}},
                             args.form(),
                             [&](const Nothing&) { context.out << "The machine was refused.\n"; });
}

}  // namespace

void add_admin_logins(CLI::App& admin, Context& context) {
  CLI::App* const family =
      admin.add_subcommand("login", "Machines that wait for a person to let them in");
  family->require_subcommand(1);
  family->footer("Example:\n  sudo warren admin login list");
  auto args = std::make_shared<LoginArgs>();
  const auto add = [&](const char* name, const char* help, const char* example, auto run) {
    CLI::App* const command = family->add_subcommand(name, help);
    command->footer(fmt::format("Example:\n  sudo warren admin login {}", example));
    command->add_flag("--json", args->json, "Print JSON");
    command->callback([args, &context, run] { context.exit_code = run(*args, context); });
    return command;
  };
  const auto takes_id = [&](CLI::App* command) {
    command->add_option("id", args->id, "What `warren up` shows on the machine, the end of the URL")
        ->required()
        ->type_name("");
  };
  add("list", "Who waits", "list", run_list);
  CLI::App* const approve =
      add("approve", "Let a machine in", "approve LOGIN-ID --user alice", run_approve);
  takes_id(approve);
  approve
      ->add_option("-u,--user", args->user,
                   "Whose machine it is; nobody's if it asks for tags, which are then granted")
      ->type_name("LOGIN");
  takes_id(add("refuse", "Do not let a machine in", "refuse LOGIN-ID", run_refuse));
}

}  // namespace warren::cli
