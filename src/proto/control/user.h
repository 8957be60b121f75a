#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "proto/control/common.h"

// Whom nodes belong to (spec: control section 7.7).
namespace warren::control {

// In the map: one for the self user and for each peer's user.
struct UserProfile {
  UserId id;
  std::string login_name;  // never empty
  std::string display_name;
  std::string profile_pic_url;
  std::vector<std::string> groups;

  bool operator==(const UserProfile&) const = default;
};

// The two of a RegisterResponse.
struct User {
  UserId id;
  std::string display_name;
  std::string profile_pic_url;
  std::optional<WallTime> created;

  bool operator==(const User&) const = default;
};

struct Login {
  UserId id;
  std::string provider;
  std::string login_name;
  std::string display_name;
  std::string profile_pic_url;

  bool operator==(const Login&) const = default;
};

}  // namespace warren::control
