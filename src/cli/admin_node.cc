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

struct Node {
  std::int64_t id = 0;
  std::string name;
  std::string hostname;
  std::string user;
  std::string ipv4;
  std::string ipv6;
  std::string node_key;
  bool is_ephemeral = false;
  std::optional<WallTime> created;
  std::optional<WallTime> key_expiry;
  bool is_expired = false;
  bool is_online = false;
  std::optional<WallTime> last_seen;
  std::string os;
  std::int64_t version = 0;
};

template <class Visitor, json::wire::Either<Node> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("id", x.id);
  visit("name", x.name);
  visit("hostname", x.hostname);
  visit("user", x.user);
  visit("ipv4", x.ipv4);
  visit("ipv6", x.ipv6);
  visit("node_key", x.node_key);
  visit("ephemeral", x.is_ephemeral);
  visit("created", x.created);
  visit("key_expiry", x.key_expiry);
  visit("expired", x.is_expired);
  visit("online", x.is_online);
  visit("last_seen", x.last_seen);
  visit("os", x.os);
  visit("version", x.version);
}

struct NodeList {
  std::vector<Node> nodes;
};

template <class Visitor, json::wire::Either<NodeList> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("nodes", x.nodes);
}

struct NodeArgs {
  std::string name;
  std::string new_name;
  bool json = false;

  Form form() const { return json ? Form::Json : Form::Text; }
};

std::string target_of(const NodeArgs& args, std::string_view verb = {}) {
  return fmt::format("nodes/{}{}", encode_component(args.name), verb);
}

std::string state_of(const Node& node, const WallTime& now) {
  std::string out = node.is_online ? "online" : "offline";
  if (!node.is_online && node.last_seen)
    out += fmt::format(", last seen {}", relative(*node.last_seen, now));
  if (node.is_expired) out += ", key expired";
  return out;
}

int run_list(const NodeArgs& args, Context& context) {
  return call_admin<NodeList>(
      context, {.command = "admin node list", .method = "GET", .target = "nodes", .body = {}},
      args.form(), [&](const NodeList& list) {
        if (list.nodes.empty()) {
          context.out << "There are no nodes: `warren admin key create --user LOGIN` prints how a "
                         "machine joins.\n";
          return;
        }
        TextTable table;
        table.add({"ID", "NAME", "USER", "ADDRESS", "OS", "STATE"});
        for (const Node& node : list.nodes) {
          table.add({std::to_string(node.id), printable(node.name), printable(node.user),
                     printable(node.ipv4), node.os.empty() ? "-" : printable(node.os),
                     state_of(node, context.wall_now())});
        }
        context.out << table.text();
      });
}

std::string details_of(const Node& node, const WallTime& now) {
  TextTable table;
  const auto line = [&table](const char* name, const std::string& value) {
    if (!value.empty()) table.add({name, printable(value)});
  };
  line("Name", node.name);
  line("ID", std::to_string(node.id));
  line("Host name", node.hostname);
  line("User", node.user);
  line("State", state_of(node, now));
  line("IPv4", node.ipv4);
  line("IPv6", node.ipv6);
  line("System", node.os);
  line("Protocol", node.version == 0 ? std::string() : std::to_string(node.version));
  line("Node key", node.node_key);
  line("Key", node.is_expired   ? "expired: the machine must log in again"
              : node.key_expiry ? "expires " + relative(*node.key_expiry, now)
                                : std::string("never expires"));
  line("Ephemeral", node.is_ephemeral ? "yes: forgotten soon after it went offline" : "");
  line("Joined", relative(node.created, now, ""));
  return table.text();
}

int run_show(const NodeArgs& args, Context& context) {
  return call_admin<Node>(
      context,
      {.command = "admin node show", .method = "GET", .target = target_of(args), .body = {}},
      args.form(), [&](const Node& node) { context.out << details_of(node, context.wall_now()); });
}

int run_rename(const NodeArgs& args, Context& context) {
  return call_admin<Node>(context,
                          {.command = "admin node rename",
                           .method = "POST",
                           .target = target_of(args, "/rename"),
                           .body = json::ObjectText().text("name", args.new_name).done()},
                          args.form(), [&](const Node& node) {
                            context.out
                                << fmt::format("{} is {} now.\n", args.name, printable(node.name));
                          });
}

int run_expire(const NodeArgs& args, Context& context) {
  return call_admin<Node>(context,
                          {.command = "admin node expire",
                           .method = "POST",
                           .target = target_of(args, "/expire"),
                           .body = {}},
                          args.form(), [&](const Node& node) {
                            context.out << fmt::format("{} must log in again: `warren up` there.\n",
                                                       printable(node.name));
                          });
}

int run_remove(const NodeArgs& args, Context& context) {
  return call_admin<Nothing>(
      context,
      {.command = "admin node rm", .method = "DELETE", .target = target_of(args), .body = {}},
      args.form(), [&](const Nothing&) {
        context.out << fmt::format("{} is no part of the network any more.\n", args.name);
      });
}

}  // namespace

void add_admin_nodes(CLI::App& admin, Context& context) {
  CLI::App* const family = admin.add_subcommand("node", "The machines of the network");
  family->require_subcommand(1);
  family->footer("Example:\n  sudo warren admin node list");
  auto args = std::make_shared<NodeArgs>();
  const auto add = [&](const char* name, const char* help, const char* example, auto run) {
    CLI::App* const command = family->add_subcommand(name, help);
    command->footer(fmt::format("Example:\n  sudo warren admin node {}", example));
    command->add_flag("--json", args->json, "Print JSON");
    command->callback([args, &context, run] { context.exit_code = run(*args, context); });
    return command;
  };
  const auto takes_node = [&](CLI::App* command) {
    command->add_option("node", args->name, "Its name, address or number")
        ->required()
        ->type_name("");
  };
  add("list", "All machines", "list", run_list);
  takes_node(add("show", "All about one machine", "show laptop", run_show));
  CLI::App* const renamed =
      add("rename", "Give a machine another name", "rename localhost attic", run_rename);
  takes_node(renamed);
  renamed->add_option("new-name", args->new_name, "The new one")->required()->type_name("");
  takes_node(add("expire", "Have a machine log in again", "expire laptop", run_expire));
  takes_node(add("rm", "Remove a machine from the network", "rm laptop", run_remove));
}

}  // namespace warren::cli
