#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_map.h"
#include "base/json_writer.h"
#include "cli/admin.h"
#include "cli/admin_call.h"
#include "cli/admin_status.h"

namespace warren::cli {

namespace {

constexpr std::string_view kNever = "never";

struct Key {
  std::string id;
  std::string user;
  std::vector<std::string> tags;
  std::string description;
  bool is_reusable = false;
  bool is_ephemeral = false;
  std::optional<WallTime> expires;
  std::optional<WallTime> revoked;
  std::int64_t uses = 0;
};

template <class Visitor, json::wire::Either<Key> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("id", x.id);
  visit("user", x.user);
  visit("tags", x.tags);
  visit("description", x.description);
  visit("reusable", x.is_reusable);
  visit("ephemeral", x.is_ephemeral);
  visit("expires", x.expires);
  visit("revoked", x.revoked);
  visit("uses", x.uses);
}

struct KeyList {
  std::vector<Key> keys;
};

template <class Visitor, json::wire::Either<KeyList> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("keys", x.keys);
}

struct MadeKey {
  std::string id;
  std::string key;
  std::optional<WallTime> expires;
};

template <class Visitor, json::wire::Either<MadeKey> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("id", x.id);
  visit("key", x.key);
  visit("expires", x.expires);
}

struct KeyArgs {
  std::string id;
  std::string user;
  std::vector<std::string> tags;
  std::string description;
  std::string lifetime = "1h";
  bool reusable = false;
  bool ephemeral = false;
  bool all = false;
  bool json = false;

  Form form() const { return json ? Form::Json : Form::Text; }
};

std::string wish_json(const KeyArgs& args) {
  std::string text;
  json::Writer out(text);
  out.open_object();
  out.key("user");
  out.text(args.user);
  if (!args.tags.empty()) {
    out.key("tags");
    out.open_array();
    for (const std::string& tag : args.tags) {
      out.element();
      out.text(tag);
    }
    out.close_array();
  }
  out.key("description");
  out.text(args.description);
  out.key("reusable");
  out.boolean(args.reusable);
  out.key("ephemeral");
  out.boolean(args.ephemeral);
  out.key("lifetime");
  if (args.lifetime == kNever) {
    out.null();
  } else {
    out.text(args.lifetime);
  }
  out.close_object();
  return text;
}

std::string owner_of(const std::string& user, const std::vector<std::string>& tags) {
  return printable(tags.empty() ? user : fmt::to_string(fmt::join(tags, ",")));
}

int run_create(const KeyArgs& args, Context& context) {
  if (args.user.empty() == args.tags.empty()) {
    return fail_with(context, "admin key create", kBadUsage,
                     "say whose machines will join with it: --user LOGIN, or --tag TAG for "
                     "machines that are nobody's");
  }
  if (args.lifetime != kNever && !json::parse_duration(args.lifetime)) {
    return fail_with(context, "admin key create", kBadUsage,
                     "--expiration: expected a duration such as 24h, or never");
  }
  return call_admin<MadeKey>(
      context,
      {.command = "admin key create", .method = "POST", .target = "keys", .body = wish_json(args)},
      args.form(), [&](const MadeKey& made) {
        std::string join;
        if (const auto status = LocalApi::admin(context).get("status")) {
          const auto server = read_answer<ServerStatus>(*status);
          if (server) join = join_command(*server, made.key);
        }
        const std::string validity =
            made.expires ? fmt::format("expires {}", relative(*made.expires, context.wall_now()))
                         : std::string("never expires");
        context.err << fmt::format("Key {} of {}: {}, {}. It is shown only now.\n", made.id,
                                   owner_of(args.user, args.tags),
                                   args.reusable ? "for many machines" : "for one machine",
                                   validity);
        if (!join.empty()) {
          context.err << "On the machine that joins:\n\n";
          context.out << join << '\n';
        } else {
          context.out << made.key << '\n';
        }
      });
}

std::string state_of(const Key& key, const WallTime& now) {
  if (key.revoked) return "revoked";
  if (!key.is_reusable && key.uses > 0) return "used";
  if (!key.expires) return "never expires";
  return *key.expires <= now ? "expired" : "expires " + relative(*key.expires, now);
}

bool is_good(const Key& key, const WallTime& now) {
  return !key.revoked && (key.is_reusable || key.uses == 0) && (!key.expires || *key.expires > now);
}

int run_list(const KeyArgs& args, Context& context) {
  return call_admin<KeyList>(
      context, {.command = "admin key list", .method = "GET", .target = "keys", .body = {}},
      args.form(), [&](const KeyList& list) {
        const WallTime now = context.wall_now();
        TextTable table;
        table.add({"ID", "USER", "KIND", "USES", "STATE", "DESCRIPTION"});
        std::size_t shown = 0;
        for (const Key& key : list.keys) {
          if (!args.all && !is_good(key, now)) continue;
          ++shown;
          table.add({printable(key.id), owner_of(key.user, key.tags),
                     fmt::format("{}{}", key.is_reusable ? "reusable" : "single",
                                 key.is_ephemeral ? ", ephemeral" : ""),
                     std::to_string(key.uses), state_of(key, now), printable(key.description)});
        }
        if (shown > 0) context.out << table.text();
        if (shown < list.keys.size()) {
          context.out << fmt::format("{} that cannot be used any more: --all shows them\n",
                                     list.keys.size() - shown);
        } else if (shown == 0) {
          context.out << "There are no keys: `warren admin key create --user LOGIN` makes one.\n";
        }
      });
}

int run_revoke(const KeyArgs& args, Context& context) {
  return call_admin<Nothing>(context,
                             {.command = "admin key revoke",
                              .method = "DELETE",
                              .target = "keys/" + encode_component(args.id),
                              .body = {}},
                             args.form(), [&](const Nothing&) {
                               context.out << fmt::format(
                                   "Key {} lets nobody in any more. Machines that used it stay: "
                                   "`warren admin node list`\n",
                                   args.id);
                             });
}

}  // namespace

void add_admin_keys(CLI::App& admin, Context& context) {
  CLI::App* const family =
      admin.add_subcommand("key", "Auth keys, with which machines join without a person");
  family->require_subcommand(1);
  family->footer("Example:\n  sudo warren admin key create --user alice");
  auto args = std::make_shared<KeyArgs>();
  const auto add = [&](const char* name, const char* help, const char* example, auto run) {
    CLI::App* const command = family->add_subcommand(name, help);
    command->footer(fmt::format("Example:\n  sudo warren admin key {}", example));
    command->add_flag("--json", args->json, "Print JSON");
    command->callback([args, &context, run] { context.exit_code = run(*args, context); });
    return command;
  };
  CLI::App* const create = add(
      "create", "Make a key; prints the whole command for the machine that joins",
      "create --user alice --reusable --expiration 24h --description \"the new rack\"", run_create);
  create->add_option("-u,--user", args->user, "Whose machines they will be")->type_name("LOGIN");
  create->add_option("--tag", args->tags, "Instead of a user: what they are for; may be repeated")
      ->allow_extra_args(false)
      ->type_name("TAG");
  create->add_flag("--reusable", args->reusable, "For many machines; else for one");
  create->add_flag("--ephemeral", args->ephemeral,
                   "The machines are forgotten soon after they went offline");
  create->add_option("--expiration", args->lifetime, "How long it can be used, or never")
      ->type_name("DURATION")
      ->capture_default_str();
  create->add_option("--description", args->description, "For the list")->type_name("TEXT");
  add("list", "The keys that can be used", "list --all", run_list)
      ->add_flag("--all", args->all, "Used, expired and revoked ones too");
  add("revoke", "Make a key useless", "revoke KEY-ID", run_revoke)
      ->add_option("id", args->id, "Of `warren admin key list`")
      ->required()
      ->type_name("");
}

}  // namespace warren::cli
