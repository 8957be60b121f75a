#pragma once

#include "proto/control/hostinfo_fields.h"
#include "proto/control/register.h"
#include "proto/control/user_fields.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<RegisterAuth> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("AuthKey", x.auth_key);
}

template <class Visitor, Either<RegisterRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Version", x.version);
  visit.always("NodeKey", x.node_key);
  visit.always("OldNodeKey", x.old_node_key);
  visit.always("NLKey", x.lock_key);
  visit("Auth", x.auth);
  visit.always("Expiry", x.expiry);
  visit.always("Followup", x.followup);
  visit("Hostinfo", x.hostinfo);
  visit("Ephemeral", x.ephemeral);
  visit.always("NodeKeySignature", x.node_key_signature);
  visit("Tailnet", x.tailnet);
}

template <class Visitor, Either<RegisterResponse> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("User", x.user);
  visit.always("Login", x.login);
  visit.always("NodeKeyExpired", x.node_key_expired);
  visit.always("MachineAuthorized", x.machine_authorized);
  visit.always("AuthURL", x.auth_url);
  visit.always("NodeKeySignature", x.node_key_signature);
  visit.always("Error", x.error);
}

}  // namespace warren::control
