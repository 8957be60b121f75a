#pragma once

#include <cstdint>
#include <string>

#include "base/json_wire.h"
#include "cli/admin_hub.h"

namespace warren::cli {

// GET /api/warren/v1/status.
struct ServerStatus {
  std::string version;
  std::string url;
  std::string server_key;  // "mkey:…"
  std::string domain;
  std::int64_t users = 0;
  std::int64_t nodes = 0;
  std::int64_t online = 0;
  std::int64_t waiting_logins = 0;
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
  visit("online", x.online);
  visit("waiting_logins", x.waiting_logins);
  visit("hub", x.hub);
}

// What a person types on a machine that is to join: none while the server's address is unknown.
std::string join_command(const ServerStatus& server, const std::string& auth_key);

}  // namespace warren::cli
