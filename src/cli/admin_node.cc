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
#include "base/json_writer.h"
#include "cli/admin.h"
#include "cli/admin_call.h"

namespace warren::cli {

namespace {

struct Node {
  std::int64_t id = 0;
  std::string name;
  std::string hostname;
  std::string kind;
  std::string user;
  std::vector<std::string> tags;
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
  visit("kind", x.kind);
  visit("user", x.user);
  visit("tags", x.tags);
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
  std::string user;
  std::vector<std::string> tags;
  std::string new_name;
  bool json = false;

  Form form() const { return json ? Form::Json : Form::Text; }
};

std::string target_of(const NodeArgs& args, std::string_view verb = {}) {
  return fmt::format("nodes/{}{}", encode_component(args.name), verb);
}

std::string owner_of(const Node& node) {
  return printable(node.tags.empty() ? node.user : fmt::to_string(fmt::join(node.tags, ",")));
}

std::string state_of(const Node& node, const WallTime& now) {
  if (node.kind == "device") return "device";
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
          table.add({std::to_string(node.id), printable(node.name), owner_of(node),
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
  line(node.tags.empty() ? "User" : "Tags", owner_of(node));
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

std::string ownership_json(const NodeArgs& args) {
  std::string text;
  json::Writer out(text);
  out.open_object();
  out.key("user");
  out.text(args.user);
  out.key("tags");
  out.open_array();
  for (const std::string& tag : args.tags) {
    out.element();
    out.text(tag);
  }
  out.close_array();
  out.close_object();
  return text;
}

int run_tag(const NodeArgs& args, Context& context) {
  if (args.user.empty() == args.tags.empty()) {
    return fail_with(context, "admin node tag", kBadUsage,
                     "say which tags it has from now on, or with --user whose it is again");
  }
  return call_admin<Node>(context,
                          {.command = "admin node tag",
                           .method = "POST",
                           .target = target_of(args, "/tags"),
                           .body = ownership_json(args)},
                          args.form(), [&](const Node& node) {
                            context.out
                                << fmt::format("{} is {} now.\n", printable(node.name),
                                               node.tags.empty() ? "a machine of " + owner_of(node)
                                                                 : owner_of(node));
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
  CLI::App* const tagged = add("tag", "Say what a machine is for, instead of whose it is",
                               "tag nas tag:storage", run_tag);
  takes_node(tagged);
  tagged->add_option("tag", args->tags, "Its tags from now on, such as tag:web")->type_name("");
  tagged->add_option("-u,--user", args->user, "No tags any more, but this user's")
      ->type_name("LOGIN");
  takes_node(add("rm", "Remove a machine from the network", "rm laptop", run_remove));
}

}  // namespace warren::cli
