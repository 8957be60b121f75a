#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proto/control/common.h"
#include "proto/control/hostinfo.h"
#include "proto/control/user.h"

// How a node joins, joins again and leaves (spec: control section 4).
namespace warren::control {

struct RegisterAuth {
  std::string auth_key;

  bool operator==(const RegisterAuth&) const = default;
};

struct RegisterRequest {
  CapVersion version;
  NodePublicKey node_key;
  NodePublicKey old_node_key;  // a hint only
  LockPublicKey lock_key;
  std::optional<RegisterAuth> auth;  // also without a key; see auth_key()
  std::optional<WallTime> expiry;    // none: no wish; past: logout; future: expire earlier
  std::string followup;              // the AuthURL to wait for
  std::optional<Hostinfo> hostinfo;
  bool ephemeral = false;
  Bytes node_key_signature;
  std::string tailnet;

  // Empty: none.
  std::string_view auth_key() const { return auth ? auth->auth_key : std::string_view(); }

  bool operator==(const RegisterRequest&) const = default;
};

// With status 200, also when it refuses.
struct RegisterResponse {
  User user;
  Login login;
  bool node_key_expired = false;  // make a new key and register at once
  bool machine_authorized = false;
  std::string auth_url;  // where a person decides
  Bytes node_key_signature;
  std::string error;  // for people, as it is

  bool operator==(const RegisterResponse&) const = default;
};

}  // namespace warren::control
