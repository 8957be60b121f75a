#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json_wire.h"
#include "base/time.h"
#include "cli/admin_hub.h"

namespace warren::cli {

// What the server shows whoever connects with TLS.
struct ServerCertificate {
  std::string source;  // "own", "files", "acme"; empty: a server that does not say
  std::optional<WallTime> expires;
  bool acme = false;  // an authority gives them
  std::string error;  // why there is no new one
  std::optional<WallTime> next_try;
};

template <class Visitor, json::wire::Either<ServerCertificate> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("source", x.source);
  visit("expires", x.expires);
  visit("acme", x.acme);
  visit("error", x.error);
  visit("next_try", x.next_try);
}

// GET /api/warren/v1/status.
struct ServerStatus {
  std::string version;
  std::string url;
  std::string server_key;  // "mkey:…"
  std::string domain;
  std::int64_t users = 0;
  std::int64_t nodes = 0;
  std::int64_t devices = 0;  // of the nodes
  std::int64_t online = 0;
  std::int64_t waiting_logins = 0;
  ServerCertificate certificate;
  ServerHub hub;
};

template <class Visitor, json::wire::Either<ServerStatus> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("version", x.version);
  visit("url", x.url);
  visit("server_key", x.server_key);
  visit("domain", x.domain);
  visit("users", x.users);
  visit("nodes", x.nodes);
  visit("devices", x.devices);
  visit("online", x.online);
  visit("waiting_logins", x.waiting_logins);
  visit("certificate", x.certificate);
  visit("hub", x.hub);
}

// What a person types on a machine that is to join: none while the server's address is unknown.
std::string join_command(const ServerStatus& server, const std::string& auth_key);

}  // namespace warren::cli
