#include "db/migrations.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "crypto/blake2s.h"
#include "db/backup.h"
#include "db/file.h"
#include "db/schema.h"

namespace warren::db {

namespace {

constexpr std::size_t kCopiesKept = 3;  // of the same step, when it is tried again and again

constexpr std::string_view kTable =
    "TABLE schema_migration (version I64 PRIMARY KEY, name TEXT, checksum BYTES, program TEXT, "
    "oldest_program I64, at TIME)";

Blake2sHash checksum_of(const Migration& migration) {
  constexpr std::array<std::uint8_t, 1> kEnd = {0};
  return blake2s({as_bytes(migration.name), kEnd, as_bytes(migration.sql)});
}

std::string label(const Migration& migration) {
  return fmt::format("migration {} ({})", migration.version, migration.name);
}

Result<std::int64_t> count_dangling(Connection& connection) {
  WARREN_TRY(const auto count,
             connection.query_number("SELECT COUNT(*) FROM pragma_foreign_key_check"));
  return count.value_or(0);
}

Result<std::string> fingerprint(Connection& connection,
                                const Migrations& migrations,
                                const Migration& migration,
                                std::int64_t version) {
  if (!migrations.fingerprint || migration.content == Content::Changed || migration.version == 1) {
    return std::string();
  }
  return migrations.fingerprint(connection, version);
}

Result<void> apply_in_transaction(Connection& connection,
                                  const Migrations& migrations,
                                  const Migration& migration,
                                  WallTime now) {
  WARREN_TRY(Transaction transaction, Transaction::begin(connection));
  WARREN_TRY(const auto dangling_before, count_dangling(connection));
  WARREN_TRY(const auto before,
             fingerprint(connection, migrations, migration, migration.version - 1));

  if (migration.version == 1) {
    WARREN_TRY(const std::string table, generate_schema(kTable, Engine::Sqlite));
    WARREN_TRY_VOID(connection.script(table));
  }
  WARREN_TRY(const std::string sql, generate_schema(migration.sql, Engine::Sqlite));
  WARREN_TRY_VOID(connection.script(sql));
  if (migration.step != nullptr) WARREN_TRY_VOID(migration.step(connection));

  // Rows that pointed nowhere before (an old fault) do not stop an upgrade; new ones do.
  WARREN_TRY(const auto dangling, count_dangling(connection));
  if (dangling > dangling_before) {
    return fail(Errc::Refused, fmt::format("it would leave {} rows that point to none",
                                           dangling - dangling_before));
  }
  WARREN_TRY(const auto after, fingerprint(connection, migrations, migration, migration.version));
  if (after != before) {
    return fail(Errc::Refused,
                fmt::format("it would change what it must keep: '{}' became '{}'", before, after));
  }
  WARREN_TRY_VOID(connection.execute(
      "INSERT INTO schema_migration (version, name, checksum, program, oldest_program, at) "
      "VALUES ($1, $2, $3, $4, $5, $6)",
      {migration.version, migration.name, checksum_of(migration), migrations.program,
       migration.oldest_program, now.seconds * 1'000'000 + now.nanoseconds / 1'000}));
  WARREN_TRY_VOID(connection.script(fmt::format("PRAGMA user_version = {}", migration.version)));
  return transaction.commit();
}

std::string time_text(WallTime now) {
  using std::chrono::days;
  using std::chrono::seconds;
  const std::chrono::sys_seconds time{seconds{now.seconds}};
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

// Copies whose names start alike, oldest first.
std::vector<std::string> copies_in(const std::string& directory, std::string_view prefix) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".db")) out.push_back(entry.path().string());
  }
  std::ranges::sort(out);
  return out;
}

Result<std::string> copy_before(Connection& connection,
                                const std::string& directory,
                                std::int64_t from,
                                std::int64_t to,
                                WallTime now) {
  WARREN_TRY_VOID(make_private_directory(directory));
  const std::string prefix = fmt::format("pre-{}-{}-", from, to);
  std::string path = fmt::format("{}/{}{}.db", directory, prefix, time_text(now));
  WARREN_TRY_VOID(copy_database(connection, path));
  const auto copies = copies_in(directory, prefix);
  for (std::size_t i = 0; i + kCopiesKept < copies.size(); ++i) {
    WARREN_TRY_VOID(remove_file(copies[i]));
  }
  return path;
}

}  // namespace

Result<SchemaState> read_schema_state(Connection& connection) {
  WARREN_TRY(const auto tables,
             connection.query_number(
                 "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
                 {"schema_migration"}));
  SchemaState out;
  if (tables == 0) return out;
  WARREN_TRY(Rows rows, connection.query("SELECT version, oldest_program, program "
                                         "FROM schema_migration ORDER BY version"));
  for (;;) {
    WARREN_TRY(const bool any, rows.next());
    if (!any) return out;
    out.version = rows.number(0);
    out.oldest_program = std::max(out.oldest_program, rows.number(1));
    out.program = rows.text(2);
  }
}

Result<void> check_schema(Connection& connection, const Migrations& migrations) {
  WARREN_TRY(const SchemaState state, read_schema_state(connection));
  if (state.version > migrations.head() && state.oldest_program > migrations.head()) {
    return fail(Errc::Refused,
                fmt::format("the database has schema {}, made by {}; this program knows schema {}, "
                            "and the oldest that works with it knows schema {}: start a newer "
                            "program, or go back to a copy that was made before",
                            state.version, state.program, migrations.head(), state.oldest_program));
  }
  if (state.version == 0) return {};
  WARREN_TRY(Rows rows, connection.query("SELECT version, name, checksum FROM schema_migration "
                                         "ORDER BY version"));
  for (std::int64_t expected = 1;; ++expected) {
    WARREN_TRY(const bool any, rows.next());
    if (!any) return {};
    if (rows.number(0) != expected) {
      return fail(Errc::Refused, fmt::format("the database lacks migration {}", expected));
    }
    if (expected > migrations.head()) continue;
    const Migration& ours = migrations.list[static_cast<std::size_t>(expected - 1)];
    const Blake2sHash checksum = checksum_of(ours);
    if (rows.text(1) != ours.name || !std::ranges::equal(rows.bytes(2), checksum)) {
      return fail(Errc::Refused,
                  fmt::format("{} is not the one that was applied to this database ({}): it was "
                              "changed after its release",
                              label(ours), rows.text(1)));
    }
  }
}

Result<void> apply_migrations(Connection& connection,
                              const Migrations& migrations,
                              std::int64_t version,
                              WallTime now) {
  WARREN_TRY(const SchemaState state, read_schema_state(connection));
  for (const Migration& migration : migrations.list) {
    if (migration.version <= state.version || migration.version > version) continue;
    // A table is rebuilt by dropping it, which must not count as deleting its rows. This switch
    // does nothing within a transaction.
    WARREN_TRY_VOID(connection.script("PRAGMA foreign_keys = OFF"));
    auto applied = apply_in_transaction(connection, migrations, migration, now);
    auto back = connection.script("PRAGMA foreign_keys = ON");
    if (!applied) return with_context(label(migration), std::move(applied).error());
    WARREN_TRY_VOID(std::move(back));
  }
  return {};
}

Result<std::optional<Migrated>> migrate(Connection& connection,
                                        const Migrations& migrations,
                                        const std::string& copies,
                                        WallTime now) {
  WARREN_TRY_VOID(check_schema(connection, migrations));
  WARREN_TRY(const SchemaState state, read_schema_state(connection));
  if (state.version >= migrations.head()) return std::nullopt;
  Migrated out{.from = state.version, .to = migrations.head(), .copy = {}};
  auto copy = copy_before(connection, copies, out.from, out.to, now);
  if (!copy) {
    return with_context(
        fmt::format("copy the database before its schema goes from {} to {}", out.from, out.to),
        std::move(copy).error());
  }
  out.copy = std::move(*copy);
  auto applied = apply_migrations(connection, migrations, out.to, now);
  if (!applied) {
    Error error = std::move(applied).error();
    error.detail += fmt::format("; a copy from before is {}", out.copy);
    return unexpected(std::move(error));
  }
  return out;
}

}  // namespace warren::db
