#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "db/connection.h"
#include "db/error.h"

// Moves a database from any released schema to the program's (spec: server section 2.6). Each
// migration is one transaction with its row in schema_migration and user_version: after an
// interruption the database has the schema before it or the one after it. Before the first one the
// database is copied.
//
// Expand, then contract: a version may add tables, columns with defaults and indexes; what the
// version before needs is removed one version later at the earliest. So a program also works with
// the next schema, and going back by one version is starting the old program.
namespace warren::db {

enum class Content : std::uint8_t {
  Kept,     // the fingerprint is the same before and after
  Changed,  // this migration says that it is not
};

// Frozen once released: neither text nor name ever change again, a later migration mends it.
struct Migration {
  std::int64_t version = 0;
  std::string_view name;
  std::string_view sql;  // as in schema.h
  // The version of the oldest program that works with the result.
  std::int64_t oldest_program = 0;
  Result<void> (*step)(Connection&) = nullptr;  // what SQL cannot say, after `sql`
  Content content = Content::Kept;
};

struct Migrations {
  std::span<const Migration> list;  // versions 1, 2, 3, …
  std::string program;              // name and version of the program, kept with each row
  // What no migration may lose, as a text to compare: row counts, a digest of the rows that
  // matter. Reads a database of the schema version that it is given.
  std::function<Result<std::string>(Connection&, std::int64_t version)> fingerprint = {};

  std::int64_t head() const { return static_cast<std::int64_t>(list.size()); }
};

struct SchemaState {
  std::int64_t version = 0;  // 0: none of our migrations was applied
  std::int64_t oldest_program = 0;
  std::string program;  // that applied the last one
};

Result<SchemaState> read_schema_state(Connection& connection);

// Refused when a migration that was applied is not the one that this program has, and when the
// schema is newer than this program works with.
Result<void> check_schema(Connection& connection, const Migrations& migrations);

// Applies what is missing up to `version`, without a copy.
Result<void> apply_migrations(Connection& connection,
                              const Migrations& migrations,
                              std::int64_t version,
                              WallTime now);

struct Migrated {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::string copy;  // the database as it was before

  bool operator==(const Migrated&) const = default;
};

// Checks, copies the database into the directory `copies`, and brings it to the program's schema.
// Nothing when it is there already, or newer. Errc::Full: there is no space for the copy, and
// nothing was changed.
Result<std::optional<Migrated>> migrate(Connection& connection,
                                        const Migrations& migrations,
                                        const std::string& copies,
                                        WallTime now);

}  // namespace warren::db
