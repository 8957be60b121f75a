#pragma once

#include <map>
#include <string>

#include "proto/control/common.h"

// The small requests inside Noise (spec: control section 3.2).
namespace warren::control {

// POST /machine/update-health
struct HealthChangeRequest {
  std::string subsys;
  std::string error;  // empty: healthy again
  NodePublicKey node_key;

  bool operator==(const HealthChangeRequest&) const = default;
};

// POST /machine/set-dns; the answer is {}
struct SetDnsRequest {
  CapVersion version;
  NodePublicKey node_key;
  std::string name;
  std::string type;
  std::string value;

  bool operator==(const SetDnsRequest&) const = default;
};

// POST /machine/id-token
struct TokenRequest {
  CapVersion cap_version;
  NodePublicKey node_key;
  std::string audience;

  bool operator==(const TokenRequest&) const = default;
};

struct TokenResponse {
  std::string id_token;

  bool operator==(const TokenResponse&) const = default;
};

// POST /machine/feature/query
struct QueryFeatureRequest {
  std::string feature;  // "serve", "funnel"
  NodePublicKey node_key;

  bool operator==(const QueryFeatureRequest&) const = default;
};

struct QueryFeatureResponse {
  bool complete = false;
  std::string text;
  std::string url;
  bool should_wait = false;

  bool operator==(const QueryFeatureResponse&) const = default;
};

// PATCH /machine/set-device-attr
struct SetDeviceAttributesRequest {
  CapVersion version;
  NodePublicKey node_key;
  std::map<std::string, json::Raw> update;  // null removes

  bool operator==(const SetDeviceAttributesRequest&) const = default;
};

}  // namespace warren::control
