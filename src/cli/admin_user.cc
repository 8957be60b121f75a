#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_object.h"
#include "cli/admin.h"
#include "cli/admin_call.h"

namespace warren::cli {

namespace {

struct User {
  std::int64_t id = 0;
  std::string login;
  std::string display_name;
  std::optional<WallTime> created;
  std::int64_t nodes = 0;
};

template <class Visitor, json::wire::Either<User> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("id", x.id);
  visit("login", x.login);
  visit("display_name", x.display_name);
  visit("created", x.created);
  visit("nodes", x.nodes);
}

struct UserList {
  std::vector<User> users;
};

template <class Visitor, json::wire::Either<UserList> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("users", x.users);
}

struct UserArgs {
  std::string login;
  std::string new_login;
  std::string display_name;
  bool json = false;

  Form form() const { return json ? Form::Json : Form::Text; }
};

std::string target_of(const UserArgs& args) {
  return "users/" + encode_component(args.login);
}

int run_add(const UserArgs& args, Context& context) {
  auto body = json::ObjectText();
  body.text("login", args.login);
  if (!args.display_name.empty()) body.text("display_name", args.display_name);
  return call_admin<User>(
      context,
      {.command = "admin user add", .method = "POST", .target = "users", .body = body.done()},
      args.form(), [&](const User& user) {
        context.out << fmt::format(
            "User {} is there. For a machine of theirs: `warren admin key create --user {}`\n",
            printable(user.login), printable(user.login));
      });
}

int run_list(const UserArgs& args, Context& context) {
  return call_admin<UserList>(
      context, {.command = "admin user list", .method = "GET", .target = "users", .body = {}},
      args.form(), [&](const UserList& list) {
        if (list.users.empty()) {
          context.out << "There are no users: `warren admin user add LOGIN` makes one.\n";
          return;
        }
        TextTable table;
        table.add({"LOGIN", "NAME", "NODES", "CREATED"});
        for (const User& user : list.users) {
          table.add({printable(user.login),
                     user.display_name.empty() ? "-" : printable(user.display_name),
                     std::to_string(user.nodes), relative(user.created, context.wall_now(), "-")});
        }
        context.out << table.text();
      });
}

int run_rename(const UserArgs& args, Context& context) {
  return call_admin<Nothing>(context,
                             {.command = "admin user rename",
                              .method = "POST",
                              .target = target_of(args) + "/rename",
                              .body = json::ObjectText().text("login", args.new_login).done()},
                             args.form(), [&](const Nothing&) {
                               context.out << fmt::format("User {} is {} now.\n", args.login,
                                                          args.new_login);
                             });
}

int run_remove(const UserArgs& args, Context& context) {
  return call_admin<Nothing>(
      context,
      {.command = "admin user rm", .method = "DELETE", .target = target_of(args), .body = {}},
      args.form(),
      [&](const Nothing&) { context.out << fmt::format("User {} is gone.\n", args.login); });
}

}  // namespace

void add_admin_users(CLI::App& admin, Context& context) {
  CLI::App* const family = admin.add_subcommand("user", "Whom machines belong to");
  family->require_subcommand(1);
  family->footer("Example:\n  sudo warren admin user add alice --name \"Alice Liddell\"");
  auto args = std::make_shared<UserArgs>();
  const auto add = [&](const char* name, const char* help, const char* example, auto run) {
    CLI::App* const command = family->add_subcommand(name, help);
    command->footer(fmt::format("Example:\n  sudo warren admin user {}", example));
    command->add_flag("--json", args->json, "Print JSON");
    command->callback([args, &context, run] { context.exit_code = run(*args, context); });
    return command;
  };
  const auto takes_login = [&](CLI::App* command) {
    command->add_option("login", args->login, "The user's login name")->required()->type_name("");
  };
  CLI::App* const made = add("add", "Make a user", "add alice", run_add);
  takes_login(made);
  made->add_option("--name", args->display_name, "The name that others see")->type_name("NAME");
  add("list", "All users", "list", run_list);
  CLI::App* const renamed =
      add("rename", "Give a user another login name", "rename alice alice@example.org", run_rename);
  takes_login(renamed);
  renamed->add_option("new-login", args->new_login, "The new one")->required()->type_name("");
  takes_login(add("rm", "Remove a user who has no machines", "rm alice", run_remove));
}

}  // namespace warren::cli
