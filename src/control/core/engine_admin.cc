#include <charconv>

#include <fmt/format.h>

#include "base/json_map.h"
#include "base/json_object.h"
#include "control/core/engine_state.h"
#include "crypto/key_text.h"
#include "netmap/addresses.h"

namespace warren::control {
namespace {

constexpr std::string_view kPrefix = "/api/warren/v1/";

struct NewUser {
  std::string login;
  std::string display_name;
};

template <class Visitor>
void fields(Visitor& visit, NewUser& x) {
  visit.required("login", x.login);
  visit("display_name", x.display_name);
}

struct UserRename {
  std::string login;
};

template <class Visitor>
void fields(Visitor& visit, UserRename& x) {
  visit.required("login", x.login);
}

struct NewKey {
  std::string user;
  std::string description;
  bool reusable = false;
  bool ephemeral = false;
  std::optional<Duration> lifetime = std::chrono::hours(1);
};

template <class Visitor>
void fields(Visitor& visit, NewKey& x) {
  visit.required("user", x.user);
  visit("description", x.description);
  visit("reusable", x.reusable);
  visit("ephemeral", x.ephemeral);
  visit("lifetime", x.lifetime);
}

struct Rename {
  std::string name;
};

template <class Visitor>
void fields(Visitor& visit, Rename& x) {
  visit.required("name", x.name);
}

struct Approval {
  std::string user;
};

template <class Visitor>
void fields(Visitor& visit, Approval& x) {
  visit.required("user", x.user);
}

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::InvalidArgument:
      return 400;
    case Errc::NotFound:
      return 404;
    case Errc::AlreadyExists:
      return 409;
    case Errc::PermissionDenied:
      return 403;
    case Errc::Unsupported:
      return 405;
    case Errc::Unavailable:
      return 503;
    case Errc::Timeout:
    case Errc::Io:
      break;
  }
  return 500;
}

// RFC 9457.
constexpr unsigned kNotStoredStatus = 507;  // RFC 4918 section 11.5

std::string problem(unsigned status, std::string_view detail) {
  return json::ObjectText().number("status", status).text("detail", detail).done();
}

std::string list_of(std::string_view name, const std::vector<std::string>& objects) {
  return fmt::format(R"({{"{}":[{}]}})", name, fmt::join(objects, ","));
}

std::string to_json(const netmap::User& user, std::size_t nodes) {
  return json::ObjectText()
      .number("id", user.id.value)
      .text("login", user.login)
      .text("display_name", user.display_name)
      .time("created", user.created)
      .number("nodes", static_cast<std::int64_t>(nodes))
      .done();
}

std::unexpected<Error> unknown(std::string_view what) {
  return fail(Errc::NotFound, fmt::format("there is no {}", what));
}

}  // namespace

void Engine::State::on_admin(const AdminRequest& request, const Moment& moment) {
  if (!request.path.starts_with(kPrefix)) return admin_done(request.id, unknown("such path"));
  const std::string_view path = std::string_view(request.path).substr(kPrefix.size());
  const std::size_t slash = path.find('/');
  const std::string_view head = path.substr(0, slash);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  if (head == "users") return admin_users(request, rest, moment);
  if (head == "keys") return admin_keys(request, rest, moment);
  if (head == "nodes") return admin_nodes(request, rest, moment);
  if (head == "logins") return admin_logins(request, rest, moment);
  if (head == "status") return admin_status(request);
  admin_done(request.id, unknown("such path"));
}

void Engine::State::admin_done(RequestId to, const Result<std::string>& json) {
  if (!json) {
    const unsigned status = status_of(json.error().code);
    return answer(to, status, problem(status, json.error().detail));
  }
  park(Respond{.to = to, .status = 200, .body = *json, .retry_after = std::nullopt},
       Respond{.to = to,
               .status = kNotStoredStatus,
               .body = {},  // tell_why() writes it
               .retry_after = std::nullopt});
}

void Engine::State::tell_why(Action& failure, std::string_view why) {
  auto* const response = std::get_if<Respond>(&failure);
  if (response == nullptr || response->status != kNotStoredStatus) return;
  response->body =
      problem(kNotStoredStatus, fmt::format("the server cannot store anything now: {}", why));
}

void Engine::State::admin_users(const AdminRequest& request,
                                std::string_view rest,
                                const Moment& moment) {
  const auto run = [&]() -> Result<std::string> {
    if (request.method == "GET" && rest.empty()) {
      std::map<netmap::UserId, std::size_t> nodes;
      for (const auto& [id, node] : model.tables().nodes()) ++nodes[node.user];
      std::vector<std::string> users;
      for (const auto& [id, user] : model.tables().users())
        users.push_back(to_json(user, nodes[id]));
      return list_of("users", users);
    }
    if (request.method == "POST" && rest.empty()) {
      WARREN_TRY(const auto wish, json::read_text<NewUser>(request.body));
      WARREN_TRY(const auto id,
                 model.create_user(wish.login, wish.display_name, moment.wall, changes));
      return to_json(*model.tables().find_user(id), 0);
    }
    const std::string_view name = rest.substr(0, rest.find('/'));
    const netmap::User* const user = model.tables().find_user(std::string(name));
    if (user == nullptr) return unknown(fmt::format("user {}", name));
    if (rest.substr(name.size()) == "/rename" && request.method == "POST") {
      WARREN_TRY(const auto wish, json::read_text<UserRename>(request.body));
      WARREN_TRY_VOID(model.rename_user(user->id, wish.login, changes));
      std::size_t nodes = 0;
      for (const auto& [id, node] : model.tables().nodes())
        nodes += node.user == user->id ? 1U : 0U;
      return to_json(*model.tables().find_user(wish.login), nodes);
    }
    if (name.size() != rest.size())
      return unknown(fmt::format("action{} of a user", rest.substr(name.size())));
    if (request.method != "DELETE") return fail(Errc::Unsupported, "not on a user");
    WARREN_TRY_VOID(model.delete_user(user->id, changes));
    return std::string("{}");
  };
  admin_done(request.id, run());
}

void Engine::State::admin_keys(const AdminRequest& request,
                               std::string_view rest,
                               const Moment& moment) {
  const auto run = [&]() -> Result<std::string> {
    if (request.method == "GET" && rest.empty()) {
      std::vector<std::string> keys;
      for (const auto& [id, key] : model.tables().auth_keys()) {
        keys.push_back(json::ObjectText()
                           .text("id", id)
                           .text("user", model.tables().find_user(key.user)->login)
                           .text("description", key.description)
                           .boolean("reusable", key.is_reusable)
                           .boolean("ephemeral", key.is_ephemeral)
                           .time("created", key.created)
                           .time("expires", key.expires)
                           .time("revoked", key.revoked)
                           .number("uses", static_cast<std::int64_t>(key.uses))
                           .done());
      }
      return list_of("keys", keys);
    }
    if (request.method == "POST" && rest.empty()) {
      WARREN_TRY(const auto wish, json::read_text<NewKey>(request.body));
      const netmap::User* const user = model.tables().find_user(wish.user);
      if (user == nullptr) return unknown(fmt::format("user {}", wish.user));
      netmap::AuthKeyWish key{.user = user->id,
                              .description = wish.description,
                              .is_reusable = wish.reusable,
                              .is_ephemeral = wish.ephemeral,
                              .lifetime = std::nullopt};
      if (wish.lifetime) key.lifetime = std::chrono::ceil<std::chrono::seconds>(*wish.lifetime);
      WARREN_TRY(const auto made, model.create_auth_key(key, moment.wall, changes));
      return json::ObjectText()
          .text("id", made.id)
          .text("key", made.secret)
          .time("expires", model.tables().find_auth_key(made.id)->expires)
          .done();
    }
    if (request.method != "DELETE") return fail(Errc::Unsupported, "not on an auth key");
    WARREN_TRY_VOID(model.revoke_auth_key(std::string(rest), moment.wall, changes));
    return std::string("{}");
  };
  admin_done(request.id, run());
}

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
        .text("user", model.tables().find_user(node.user)->login)
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
      WARREN_TRY_VOID(model.set_key_expiry(id, moment.wall, changes));
    } else if (verb == "rename") {
      WARREN_TRY(const auto wish, json::read_text<Rename>(request.body));
      WARREN_TRY_VOID(model.rename_node(id, wish.name, moment.wall, changes));
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
    const netmap::User* const user = model.tables().find_user(wish.user);
    if (user == nullptr) return unknown(fmt::format("user {}", wish.user));
    WARREN_TRY(const auto admission,
               model.admit_for_user(login->machine, user->id, moment.wall, changes));
    approve(id, admission);
    const netmap::Node& node = *model.tables().find_node(admission.node);
    return json::ObjectText()
        .number("id", node.id.value)
        .text("name", node.name)
        .text("ipv4", node.v4.to_string())
        .done();
  };
  admin_done(request.id, run());
}

void Engine::State::admin_status(const AdminRequest& request) {
  std::size_t online = 0;
  for (const auto& [id, entry] : roster.entries()) online += entry.is_online ? 1U : 0U;
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  admin_done(request.id, json::ObjectText()
                             .text("url", options.url)
                             .text("server_key", options.server_key)
                             .text("domain", options.domain)
                             .number("users", number(model.tables().users().size()))
                             .number("nodes", number(model.tables().nodes().size()))
                             .number("online", number(online))
                             .number("streams", number(streams.size()))
                             .number("waiting_logins", number(logins.list().size()))
                             .done());
}

}  // namespace warren::control
