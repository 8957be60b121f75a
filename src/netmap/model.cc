#include "netmap/model.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/secret.h"
#include "netmap/addresses.h"
#include "netmap/model_change.h"
#include "netmap/names.h"

namespace warren::netmap {
namespace {

constexpr std::size_t kMaxDescription = 200;  // ours: a line

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
      tables_.nodes(), [&](const auto& entry) { return entry.second.owner.user == id; });
  if (owned > 0) {
    return fail(Errc::Unavailable,
                fmt::format("{} has {} nodes: delete them first", user->login, owned));
  }
  std::vector<std::string> keys;
  for (const auto& [key_id, key] : tables_.auth_keys()) {
    if (key.owner.user == id) keys.push_back(key_id);
  }
  for (const std::string& key : keys) {
    change<AuthKey>(tables_.find_auth_key(key), std::nullopt, out);
  }
  change<User>(user, std::nullopt, out);
  return {};
}

Result<NewAuthKey> Model::create_auth_key(const AuthKeyWish& wish, WallTime now, Changes& out) {
  WARREN_TRY_VOID(check_owner(wish.owner));
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
              .owner = wish.owner,
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

}  // namespace warren::netmap
