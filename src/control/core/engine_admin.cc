#include <fmt/format.h>

#include "base/json_map.h"
#include "control/core/admin_json.h"
#include "control/core/engine_state.h"
#include "netmap/tags.h"

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

// One of the two.
struct NewKey {
  std::string user;
  std::vector<std::string> tags;
  std::string description;
  bool reusable = false;
  bool ephemeral = false;
  std::optional<Duration> lifetime = std::chrono::hours(1);
};

template <class Visitor>
void fields(Visitor& visit, NewKey& x) {
  visit("user", x.user);
  visit("tags", x.tags);
  visit("description", x.description);
  visit("reusable", x.reusable);
  visit("ephemeral", x.ephemeral);
  visit("lifetime", x.lifetime);
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

std::string to_json(const netmap::User& user, std::size_t nodes) {
  return json::ObjectText()
      .number("id", user.id.value)
      .text("login", user.login)
      .text("display_name", user.display_name)
      .time("created", user.created)
      .number("nodes", static_cast<std::int64_t>(nodes))
      .done();
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
  if (head == "devices") return admin_devices(request, rest, moment);
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

Result<netmap::Owner> Engine::State::owner_of(const std::string& user,
                                              std::vector<std::string> tags) const {
  if (user.empty() == tags.empty()) {
    return fail(Errc::InvalidArgument, "say whose it is: a user, or one tag or more, not both");
  }
  if (user.empty()) {
    WARREN_TRY(auto sorted, netmap::to_tags(std::move(tags)));
    return netmap::Owner{.user = {}, .tags = std::move(sorted)};
  }
  const netmap::User* const found = model.tables().find_user(user);
  if (found == nullptr) return unknown(fmt::format("user {}", user));
  return netmap::Owner::of(found->id);
}

std::string Engine::State::login_of(const netmap::Owner& owner) const {
  const netmap::User* const user = model.tables().find_user(owner.user);
  return user == nullptr ? std::string() : user->login;
}

void Engine::State::admin_users(const AdminRequest& request,
                                std::string_view rest,
                                const Moment& moment) {
  const auto run = [&]() -> Result<std::string> {
    if (request.method == "GET" && rest.empty()) {
      std::map<netmap::UserId, std::size_t> nodes;
      for (const auto& [id, node] : model.tables().nodes()) ++nodes[node.owner.user];
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
        nodes += node.owner.user == user->id ? 1U : 0U;
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
                           .text("user", login_of(key.owner))
                           .json("tags", to_json(key.owner.tags))
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
      WARREN_TRY(auto owner, owner_of(wish.user, wish.tags));
      netmap::AuthKeyWish key{.owner = std::move(owner),
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
                             .number("devices", number(model.tables().devices().size()))
                             .number("online", number(online))
                             .number("streams", number(streams.size()))
                             .number("waiting_logins", number(logins.list().size()))
                             .done());
}

}  // namespace warren::control
