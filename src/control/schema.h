#pragma once

#include <array>

#include "db/migrations.h"

// The tables of the coordination server that exist so far (spec: server section 2.1). A migration
// that was released never changes; what it lacks comes with a later one.
namespace warren::control {

inline constexpr std::string_view kFirstSchema = R"(
TABLE log_head (net I64 PRIMARY KEY, seq I64);
TABLE id_block (net I64, kind TEXT, next I64, PRIMARY KEY (net, kind));
-- body: the whole new row as JSON; NULL: deleted
TABLE change_log (net I64, seq I64, at TIME, class TEXT CHECK (class IN ('hard','soft')), entity TEXT,
  entity_id TEXT, body TEXT?, PRIMARY KEY (net, seq));
TABLE quarantine (id I64 PRIMARY KEY, net I64?, entity TEXT, entity_id TEXT, row JSON, reason TEXT, at TIME,
  released_at TIME?);
TABLE app_user (net I64, id I64, login TEXT, display_name TEXT, created_at TIME, PRIMARY KEY (net, id));
UNIQUE INDEX app_user_login ON app_user (net, login);
TABLE auth_key (net I64, id TEXT, hash BYTES, user_id I64, description TEXT DEFAULT '', reusable BOOL,
  ephemeral BOOL, created_at TIME, expires_at TIME?, revoked_at TIME?, uses I64 DEFAULT 0, PRIMARY KEY (net, id),
  CHECK (reusable = 1 OR uses <= 1),
  FOREIGN KEY (net, user_id) REFERENCES app_user (net, id) DEFERRABLE INITIALLY DEFERRED);
TABLE node (net I64, id I64, stable_id TEXT, machine_key KEY32, node_key KEY32, old_node_key KEY32?, user_id I64,
  hostname TEXT, name TEXT, name_fixed BOOL DEFAULT 0, ipv4 BYTES CHECK (length(ipv4) = 4), ephemeral BOOL DEFAULT 0,
  auth_key_id TEXT?, key_expiry TIME?, created_at TIME, PRIMARY KEY (net, id), UNIQUE (net, stable_id),
  CHECK (key_expiry > 0),
  FOREIGN KEY (net, user_id) REFERENCES app_user (net, id) DEFERRABLE INITIALLY DEFERRED);
UNIQUE INDEX node_key_u ON node (net, node_key);
UNIQUE INDEX node_machine_u ON node (net, machine_key, user_id);
UNIQUE INDEX node_ipv4_u ON node (net, ipv4);
UNIQUE INDEX node_name_u ON node (net, name);
TABLE node_soft (net I64, node_id I64, disco_key KEY32?, home_derp I64 DEFAULT 0, capver I64 DEFAULT 0,
  endpoints JSON, hostinfo JSON, last_seen_at TIME?, PRIMARY KEY (net, node_id));
-- by the IPv4 address: the IPv6 one follows from it
TABLE address (net I64, ip BYTES CHECK (length(ip) = 4), node_id I64, released_at TIME?, PRIMARY KEY (net, ip));
TABLE name_lease (net I64, name TEXT, node_id I64, user_id I64, released_at TIME?, PRIMARY KEY (net, name));
INSERT INTO log_head (net, seq) VALUES (1, 0);
INSERT INTO id_block (net, kind, next) VALUES (1, 'user', 1), (1, 'node', 1);
)";

// Owners by tags, and plain WireGuard devices. The tables of nodes and auth keys are made anew,
// since their owner and a node's machine key may be missing from now on. The program before this
// one sets such rows aside and serves the rest.
inline constexpr std::string_view kDevices = R"(
TABLE auth_key_2 (net I64, id TEXT, hash BYTES, user_id I64?, tags TEXT?, description TEXT DEFAULT '', reusable BOOL,
  ephemeral BOOL, created_at TIME, expires_at TIME?, revoked_at TIME?, uses I64 DEFAULT 0, PRIMARY KEY (net, id),
  CHECK (reusable = 1 OR uses <= 1), CHECK ((user_id IS NULL) <> (tags IS NULL)),
  FOREIGN KEY (net, user_id) REFERENCES app_user (net, id) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO auth_key_2 (net, id, hash, user_id, description, reusable, ephemeral, created_at, expires_at, revoked_at, uses)
  SELECT net, id, hash, user_id, description, reusable, ephemeral, created_at, expires_at, revoked_at, uses FROM auth_key;
DROP TABLE auth_key;
ALTER TABLE auth_key_2 RENAME TO auth_key;
-- tags: with spaces between them
TABLE node_2 (net I64, id I64, stable_id TEXT, kind TEXT DEFAULT 'mesh', machine_key KEY32?, node_key KEY32,
  old_node_key KEY32?, user_id I64?, tags TEXT?, hostname TEXT, name TEXT, name_fixed BOOL DEFAULT 0,
  ipv4 BYTES CHECK (length(ipv4) = 4), ephemeral BOOL DEFAULT 0, auth_key_id TEXT?, key_expiry TIME?, created_at TIME,
  PRIMARY KEY (net, id), UNIQUE (net, stable_id), CHECK (key_expiry > 0), CHECK ((user_id IS NULL) <> (tags IS NULL)),
  CHECK ((machine_key IS NULL) = (kind = 'device')),
  FOREIGN KEY (net, user_id) REFERENCES app_user (net, id) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO node_2 (net, id, stable_id, machine_key, node_key, old_node_key, user_id, hostname, name, name_fixed, ipv4,
  ephemeral, auth_key_id, key_expiry, created_at) SELECT net, id, stable_id, machine_key, node_key, old_node_key, user_id,
  hostname, name, name_fixed, ipv4, ephemeral, auth_key_id, key_expiry, created_at FROM node;
DROP TABLE node;
ALTER TABLE node_2 RENAME TO node;
UNIQUE INDEX node_key_u ON node (net, node_key);
UNIQUE INDEX node_machine_u ON node (net, machine_key, COALESCE(user_id, 0)) WHERE machine_key IS NOT NULL;
UNIQUE INDEX node_ipv4_u ON node (net, ipv4);
UNIQUE INDEX node_name_u ON node (net, name);
UNIQUE INDEX node_hub_u ON node (net) WHERE kind = 'hub';
TABLE device (net I64, node_id I64, disabled BOOL DEFAULT 0, expires_at TIME?, PRIMARY KEY (net, node_id),
  FOREIGN KEY (net, node_id) REFERENCES node (net, id) DEFERRABLE INITIALLY DEFERRED);
)";

inline constexpr std::array kMigrations = {
    db::Migration{.version = 1,
                  .name = "first",
                  .sql = kFirstSchema,
                  .oldest_program = 1,
                  .content = db::Content::Changed},
    db::Migration{.version = 2, .name = "devices", .sql = kDevices, .oldest_program = 1},
};

}  // namespace warren::control
