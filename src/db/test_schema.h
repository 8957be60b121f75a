#pragma once

#include <array>
#include <string>

#include <fmt/format.h>

#include "db/migrations.h"

// Test support: a small schema with what migrations, salvage and crashes have to deal with.
namespace warren::db {

inline constexpr std::array kTestMigrations = {
    Migration{.version = 1,
              .name = "people and nodes",
              .sql = R"(
TABLE app_user (id I64 PRIMARY KEY, login TEXT UNIQUE);
TABLE node (net I64, id I64, key BYTES, user_id I64?, PRIMARY KEY (net, id),
  FOREIGN KEY (user_id) REFERENCES app_user (id) DEFERRABLE INITIALLY DEFERRED);
UNIQUE INDEX node_key ON node (net, key);
TABLE head (id I64 PRIMARY KEY, seq I64);
INSERT INTO head VALUES (1, 0);)",
              .oldest_program = 1},
    Migration{.version = 2,
              .name = "last seen",
              .sql = "ALTER TABLE node ADD COLUMN seen TIME?; INDEX node_user ON node (user_id);",
              .oldest_program = 1,
              .step = [](Connection& c) -> Result<void> {
                WARREN_TRY_VOID(c.execute("UPDATE node SET seen = $1", {5}));
                return {};
              }},
    // A table is rebuilt, as SQLite makes one do it for other changes than adding a column.
    Migration{.version = 3,
              .name = "longer logins",
              .sql = R"(
TABLE new_user (id I64 PRIMARY KEY, login TEXT UNIQUE CHECK (length(login) > 0));
INSERT INTO new_user SELECT id, login FROM app_user;
DROP TABLE app_user;
ALTER TABLE new_user RENAME TO app_user;)",
              .oldest_program = 2},
};

inline Result<std::string> test_fingerprint(Connection& connection, std::int64_t /*version*/) {
  WARREN_TRY(const auto users, connection.query_number("SELECT COUNT(*) FROM app_user"));
  WARREN_TRY(const auto nodes, connection.query_number("SELECT COUNT(*) FROM node"));
  return fmt::format("{} users, {} nodes", users.value_or(-1), nodes.value_or(-1));
}

// The program as it was when it had this many migrations.
inline Migrations test_migrations(std::size_t count) {
  return {.list = std::span(kTestMigrations).first(count),
          .program = fmt::format("test {}", count),
          .fingerprint = test_fingerprint};
}

// Users and nodes numbered from 1, each node of the user with its number.
inline Result<void> add_rows(Connection& connection, std::int64_t count) {
  WARREN_TRY(Transaction transaction, Transaction::begin(connection));
  for (std::int64_t id = 1; id <= count; ++id) {
    WARREN_TRY_VOID(connection.execute("INSERT INTO app_user (id, login) VALUES ($1, $2)",
                                       {id, fmt::format("user-{:032}", id)}));
    WARREN_TRY_VOID(
        connection.execute("INSERT INTO node (net, id, key, user_id) VALUES (1, $1, $2, $1)",
                           {id, as_bytes(fmt::format("{:0128}", id))}));
  }
  return transaction.commit();
}

}  // namespace warren::db
