#pragma once

#include "proto/control/user.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<UserProfile> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit.always("LoginName", x.login_name);
  visit.always("DisplayName", x.display_name);
  visit("ProfilePicURL", x.profile_pic_url);
  visit("Groups", x.groups);
}

template <class Visitor, Either<User> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit.always("DisplayName", x.display_name);
  visit("ProfilePicURL", x.profile_pic_url);
  visit("Created", x.created);
}

template <class Visitor, Either<Login> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("ID", x.id);
  visit.always("Provider", x.provider);
  visit.always("LoginName", x.login_name);
  visit.always("DisplayName", x.display_name);
  visit("ProfilePicURL", x.profile_pic_url);
}

}  // namespace warren::control
