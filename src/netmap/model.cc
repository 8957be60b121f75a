#include "netmap/model.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/secret.h"
#include "netmap/addresses.h"
#include "netmap/model_change.h"
#include "netmap/names.h"

namespace warren::netmap {
namespace {

constexpr std::size_t kMaxLogin = 254;        // an e-mail address (RFC 5321 section 4.5.3.1.3)
constexpr std::size_t kMaxDescription = 200;  // ours: a line

// A login is shown in many places and is part of commands.
bool is_login(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLogin && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c != 0x7f && c != ':' && c != '/' && c != '"';
  });
}

std::string_view state_of(const AuthKey& key, WallTime now) {
  if (key.revoked) return "was revoked";
  if (key.expires && *key.expires <= now) return "has expired";
  if (!key.is_reusable && key.uses > 0) return "was used already, and admits one machine only";
  return {};
}

}  // namespace

Model::Model(const Settings& settings, IdSource& ids, Random& random)
    : settings_(settings), ids_(ids), random_(random) {}

Result<UserId> Model::create_user(std::string_view login,
                                  std::string_view display_name,
                                  WallTime now,
                                  Changes& out) {
  if (!is_login(login)) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" is no login: up to {} characters without spaces, ':', '/' or "
                            "quotes",
                            login.substr(0, kMaxLogin), kMaxLogin));
  }
  if (tables_.find_user(std::string(login)) != nullptr) {
    return fail(Errc::AlreadyExists, fmt::format("there is a user {} already", login));
  }
  if (tables_.users().size() >= settings_.max_users) {
    return fail(Errc::Unavailable, fmt::format("there are {} users already", settings_.max_users));
  }
  const User user{.id = ids_.next_user(),
                  .login = std::string(login),
                  .display_name = std::string(display_name.empty() ? login : display_name),
                  .created = now};
  change<User>(nullptr, user, out);
  return user.id;
}

Result<void> Model::rename_user(UserId id, std::string_view login, Changes& out) {
  const User* const user = tables_.find_user(id);
  if (user == nullptr) return fail(Errc::NotFound, "there is no such user");
  if (!is_login(login)) return fail(Errc::InvalidArgument, "that is no login");
  const User* const other = tables_.find_user(std::string(login));
  if (other != nullptr && other->id != id) {
    return fail(Errc::AlreadyExists, fmt::format("there is a user {} already", login));
  }
  User after = *user;
  after.login = login;
  change<User>(user, after, out);
  return {};
}

Result<void> Model::delete_user(UserId id, Changes& out) {
  const User* const user = tables_.find_user(id);
  if (user == nullptr) return fail(Errc::NotFound, "there is no such user");
  const auto owned = std::ranges::count_if(
      tables_.nodes(), [&](const auto& entry) { return entry.second.user == id; });
  if (owned > 0) {
    return fail(Errc::Unavailable,
                fmt::format("{} has {} nodes: delete them first", user->login, owned));
  }
  std::vector<std::string> keys;
  for (const auto& [key_id, key] : tables_.auth_keys()) {
    if (key.user == id) keys.push_back(key_id);
  }
  for (const std::string& key : keys) {
    change<AuthKey>(tables_.find_auth_key(key), std::nullopt, out);
  }
  change<User>(user, std::nullopt, out);
  return {};
}

Result<NewAuthKey> Model::create_auth_key(const AuthKeyWish& wish, WallTime now, Changes& out) {
  if (tables_.find_user(wish.user) == nullptr) {
    return fail(Errc::NotFound, "there is no such user");
  }
  if (tables_.auth_keys().size() >= settings_.max_auth_keys) {
    return fail(Errc::Unavailable, fmt::format("there are {} auth keys already: revoke some",
                                               settings_.max_auth_keys));
  }
  if (wish.lifetime && *wish.lifetime <= std::chrono::seconds(0)) {
    return fail(Errc::InvalidArgument, "the key would have expired already");
  }
  const SecretText secret = make_secret(kAuthKeyKind, random_);
  AuthKey key{.id = secret.id,
              .hash = secret.hash,
              .user = wish.user,
              .description = wish.description.substr(0, kMaxDescription),
              .is_reusable = wish.is_reusable,
              .is_ephemeral = wish.is_ephemeral,
              .created = now,
              .expires = std::nullopt,
              .revoked = std::nullopt,
              .uses = 0};
  if (wish.lifetime) key.expires = now.after(*wish.lifetime);
  change<AuthKey>(nullptr, std::move(key), out);
  return NewAuthKey{.id = secret.id, .secret = secret.text};
}

Result<void> Model::revoke_auth_key(const std::string& id, WallTime now, Changes& out) {
  const AuthKey* const key = tables_.find_auth_key(id);
  if (key == nullptr) return fail(Errc::NotFound, fmt::format("there is no auth key {}", id));
  AuthKey after = *key;
  if (!after.revoked) after.revoked = now;
  change<AuthKey>(key, after, out);
  return {};
}

Result<const AuthKey*> Model::usable_key(std::string_view secret, WallTime now) const {
  const auto reference = parse_secret(kAuthKeyKind, secret);
  const AuthKey* const key =
      reference ? tables_.find_auth_key(std::string(reference->id)) : nullptr;
  if (!reference || key == nullptr || !equal_constant_time(key->hash, reference->hash)) {
    return fail(Errc::PermissionDenied,
                "this auth key is not known here: copy it whole, or ask for a new one");
  }
  const std::string_view state = state_of(*key, now);
  if (!state.empty()) {
    return fail(Errc::PermissionDenied,
                fmt::format("the auth key {} {}: ask for a new one", key->id, state));
  }
  return key;
}

Result<void> Model::load(const Change& row) {
  const auto problem = std::visit(
      [this](const auto& change) -> Result<void> {
        using Row = std::decay_t<decltype(*change.after)>;
        const Row& after = *change.after;
        if constexpr (std::is_same_v<Row, User>) {
          if (!is_login(after.login)) return fail(Errc::InvalidArgument, "its login is none");
          if (tables_.find_user(after.id) != nullptr || tables_.find_user(after.login) != nullptr) {
            return fail(Errc::AlreadyExists, "its number or login is another user's");
          }
        } else if constexpr (std::is_same_v<Row, AuthKey>) {
          if (tables_.find_user(after.user) == nullptr) {
            return fail(Errc::NotFound, "its owner is gone");
          }
        } else if constexpr (std::is_same_v<Row, Node>) {
          return check_node(after);
        }
        return {};
      },
      row);
  if (!problem) return problem;
  tables_.apply(row);
  return {};
}

Result<void> Model::check() const {
  for (const auto& [id, node] : tables_.nodes()) {
    const AddressLease* const address = tables_.find_address(node.v4);
    if (address == nullptr || address->node != id || address->released) {
      return fail(Errc::InvalidArgument,
                  fmt::format("node {} has no lease of {}", node.name, node.v4.to_string()));
    }
    const NameLease* const name = tables_.find_name(node.name);
    if (name == nullptr || name->node != id || name->released) {
      return fail(Errc::InvalidArgument, fmt::format("node {} has no lease of its name", id.value));
    }
    if (tables_.find_user(node.user) == nullptr) {
      return fail(Errc::InvalidArgument, fmt::format("node {} has no owner", node.name));
    }
    if (tables_.find_node(node.key) != &node ||
        tables_.find_node(node.machine, node.user) != &node) {
      return fail(Errc::InvalidArgument,
                  fmt::format("node {} is not found by its keys", node.name));
    }
  }
  for (const auto& [id, key] : tables_.auth_keys()) {
    if (!key.is_reusable && key.uses > 1) {
      return fail(Errc::InvalidArgument, fmt::format("auth key {} was used twice", id));
    }
  }
  return {};
}

}  // namespace warren::netmap
