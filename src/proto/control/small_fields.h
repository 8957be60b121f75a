#pragma once

#include "proto/control/key_response.h"
#include "proto/control/small.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<KeyResponse> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("legacyPublicKey", x.legacy_public_key);
  visit.always("publicKey", x.public_key);
}

template <class Visitor, Either<HealthChangeRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Subsys", x.subsys);
  visit.always("Error", x.error);
  visit.always("NodeKey", x.node_key);
}

template <class Visitor, Either<SetDnsRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Version", x.version);
  visit.always("NodeKey", x.node_key);
  visit.always("Name", x.name);
  visit.always("Type", x.type);
  visit.always("Value", x.value);
}

template <class Visitor, Either<TokenRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("CapVersion", x.cap_version);
  visit.always("NodeKey", x.node_key);
  visit.always("Audience", x.audience);
}

template <class Visitor, Either<TokenResponse> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("id_token", x.id_token);
}

template <class Visitor, Either<QueryFeatureRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Feature", x.feature);
  visit.always("NodeKey", x.node_key);
}

template <class Visitor, Either<QueryFeatureResponse> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Complete", x.complete);
  visit("Text", x.text);
  visit("URL", x.url);
  visit("ShouldWait", x.should_wait);
}

template <class Visitor, Either<SetDeviceAttributesRequest> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Version", x.version);
  visit.always("NodeKey", x.node_key);
  visit.always("Update", x.update);
}

}  // namespace warren::control
