#include <charconv>

#include <fmt/format.h>

#include "base/json_map.h"
#include "control/core/admin_json.h"
#include "control/core/engine_state.h"
#include "crypto/key_text.h"
#include "netmap/addresses.h"

namespace warren::control {
namespace {

// Of a login that asks for tags: nothing.
struct Approval {
  std::string user;
};

template <class Visitor>
void fields(Visitor& visit, Approval& x) {
  visit("user", x.user);
}

// One of the two.
struct Ownership {
  std::string user;
  std::vector<std::string> tags;
};

template <class Visitor>
void fields(Visitor& visit, Ownership& x) {
  visit("user", x.user);
  visit("tags", x.tags);
}

std::string_view kind_text(netmap::NodeKind kind) {
  switch (kind) {
    case netmap::NodeKind::Device:
      return "device";
    case netmap::NodeKind::Hub:
      return "hub";
    case netmap::NodeKind::Mesh:
      break;
  }
  return "mesh";
}

}  // namespace

const netmap::Node* Engine::State::find_named_node(std::string_view text) const {
  if (const netmap::Node* const node = model.tables().find_node(std::string(text))) return node;
  if (const auto address = IpAddress::parse(text)) return model.tables().find_node(*address);
  netmap::NodeId id;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id.value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return nullptr;
  return model.tables().find_node(id);
}

void Engine::State::admin_nodes(const AdminRequest& request,
                                std::string_view rest,
                                const Moment& moment) {
  const auto to_json = [&](const netmap::Node& node) {
    const RosterEntry* const entry = roster.find(node.id);
    json::ObjectText out;
    out.number("id", node.id.value)
        .text("name", node.name)
        .text("hostname", node.hostname)
        .text("kind", kind_text(node.kind))
        .text("user", login_of(node.owner))
        .json("tags", control::to_json(node.owner.tags))
        .text("ipv4", node.v4.to_string())
        .text("ipv6", netmap::v6_of(node.v4).to_string())
        .text("node_key", to_text(node.key))
        .boolean("ephemeral", node.is_ephemeral)
        .time("created", node.created)
        .time("key_expiry", node.key_expiry)
        .boolean("expired", node.is_expired(moment.wall))
        .boolean("online", entry != nullptr && entry->is_online)
        .time("last_seen", entry == nullptr ? std::nullopt : entry->soft.last_seen)
        .text("os", entry == nullptr ? std::string() : entry->soft.hostinfo.os)
        .number("version", entry == nullptr ? 0 : entry->soft.version);
    return out.done();
  };
  const auto run = [&]() -> Result<std::string> {
    if (request.method == "GET" && rest.empty()) {
      std::vector<std::string> nodes;
      for (const auto& [id, node] : model.tables().nodes()) nodes.push_back(to_json(node));
      return list_of("nodes", nodes);
    }
    const std::string_view name = rest.substr(0, rest.find('/'));
    const std::string_view verb =
        name.size() == rest.size() ? std::string_view() : rest.substr(name.size() + 1);
    const netmap::Node* const node = find_named_node(name);
    if (node == nullptr) return unknown(fmt::format("node {}", name));
    const netmap::NodeId id = node->id;
    if (request.method == "GET" && verb.empty()) return to_json(*node);
    if (request.method == "DELETE" && verb.empty()) {
      WARREN_TRY_VOID(model.delete_node(id, moment.wall, changes));
      return std::string("{}");
    }
    if (request.method != "POST") return fail(Errc::Unsupported, "not on a node");
    if (verb == "expire") {
      if (node->kind == netmap::NodeKind::Hub) {
        return fail(Errc::PermissionDenied, "the hub is the server's own: nobody logs it in");
      }
      WARREN_TRY_VOID(model.set_key_expiry(id, moment.wall, changes));
    } else if (verb == "rename") {
      WARREN_TRY(const auto wish, json::read_text<Rename>(request.body));
      WARREN_TRY_VOID(model.rename_node(id, wish.name, moment.wall, changes));
    } else if (verb == "tags") {
      WARREN_TRY(const auto wish, json::read_text<Ownership>(request.body));
      WARREN_TRY(const auto owner, owner_of(wish.user, wish.tags));
      WARREN_TRY_VOID(model.set_owner(id, owner, moment.wall, changes));
    } else {
      return unknown(fmt::format("action {} of a node", verb));
    }
    return to_json(*model.tables().find_node(id));
  };
  admin_done(request.id, run());
}

void Engine::State::admin_logins(const AdminRequest& request,
                                 std::string_view rest,
                                 const Moment& moment) {
  const auto run = [&]() -> Result<std::string> {
    if (request.method == "GET" && rest.empty()) {
      std::vector<std::string> list;
      for (const PendingLogin* const login : logins.list()) {
        list.push_back(json::ObjectText()
                           .text("id", login->id)
                           .text("hostname", login->machine.hostname)
                           .json("tags", to_json(login->machine.requested_tags))
                           .text("address", login->from.to_string())
                           .text("machine_key", to_text(login->machine.key))
                           .time("asked", login->asked)
                           .boolean("waiting", !login->waiting.empty())
                           .done());
      }
      return list_of("logins", list);
    }
    const std::string id(rest.substr(0, rest.find('/')));
    PendingLogin* const login = logins.find(id);
    if (login == nullptr || login->is_refused) {
      return unknown(fmt::format("login {}: it was decided, or nobody asked for an hour", id));
    }
    if (request.method == "DELETE") {
      refuse(*login);
      return std::string("{}");
    }
    if (request.method != "POST" || !rest.ends_with("/approve")) {
      return fail(Errc::Unsupported, "a login is approved or deleted");
    }
    WARREN_TRY(const auto wish, json::read_text<Approval>(request.body));
    const std::vector<std::string>& tags = login->machine.requested_tags;
    if (!tags.empty() && !wish.user.empty()) {
      return fail(Errc::InvalidArgument,
                  fmt::format("it asks for {}: approve it without a user to grant that, or delete "
                              "the login and have it ask without tags",
                              fmt::join(tags, ", ")));
    }
    WARREN_TRY(const auto owner, owner_of(wish.user, tags));
    WARREN_TRY(const auto admission, model.admit_for(login->machine, owner, moment.wall, changes));
    approve(id, admission);
    const netmap::Node& node = *model.tables().find_node(admission.node);
    return json::ObjectText()
        .number("id", node.id.value)
        .text("name", node.name)
        .json("tags", to_json(node.owner.tags))
        .text("ipv4", node.v4.to_string())
        .done();
  };
  admin_done(request.id, run());
}

}  // namespace warren::control
