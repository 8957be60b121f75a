#include "db/database.h"

#include <fmt/format.h>

#include "db/backup.h"
#include "db/file.h"

namespace warren::db {

namespace {

constexpr std::string_view kDatabase = "warren.db";
constexpr std::string_view kReplacement = "warren.db.new";  // whole and sound when it has this name
constexpr std::string_view kUnfinished = "warren.db.salvage";
constexpr int kMaxDamaged = 1000;  // directories; a start that makes one more is a person's case

// Another program's database is not ours to mend or to fill.
Result<void> expect_ours(Connection& connection) {
  WARREN_TRY(const auto id, connection.query_number("PRAGMA application_id"));
  if (id == kApplicationId) return {};
  WARREN_TRY(const SchemaState state, read_schema_state(connection));
  if (state.version > 0) return {};
  return fail(Errc::Refused, "it is not a database of this program: move it away, and start again");
}

}  // namespace

Database::Database(OpenOptions options)
    : options_(std::move(options)), path_(file(kDatabase)), reserve_(file("warren.reserve")) {}

std::string Database::file(std::string_view name) const {
  return fmt::format("{}/{}", options_.directory, name);
}

SqliteOptions Database::writing() const {
  return {.access = Access::Write,
          .journal = options_.network_file_system == NetworkFileSystem::Allow ? Journal::Rollback
                                                                              : Journal::WriteAhead,
          .vfs = options_.vfs};
}

Result<std::unique_ptr<Database>> Database::open(OpenOptions options) {
  std::unique_ptr<Database> out(new Database(std::move(options)));
  const std::string& directory = out->options_.directory;
  auto made = make_private_directory(directory);
  if (!made && made.error().code != Errc::ReadOnly) return unexpected(std::move(made).error());
  WARREN_TRY(const std::int64_t type, file_system_type(directory));
  if (!is_network_file_system(type)) {
    out->options_.network_file_system = NetworkFileSystem::Refuse;
  } else if (out->options_.network_file_system == NetworkFileSystem::Refuse) {
    return fail(
        Errc::Refused,
        fmt::format("{} is on a network file system, whose locks a database cannot rely on: "
                    "use a local directory, or --allow-network-fs at your own risk",
                    directory));
  }
  auto lock = ServerLock::take(out->file("warren.lock"));
  Result<void> opened;
  if (lock) {
    out->lock_ = std::move(*lock);
    opened = out->open_files();
  } else if (lock.error().code == Errc::ReadOnly || lock.error().code == Errc::Full) {
    opened = out->open_read_only(std::move(lock).error());
  } else {
    return unexpected(std::move(lock).error());
  }
  if (!opened) return with_context(out->path_, std::move(opened).error());
  return out;
}

Result<void> Database::open_files() {
  auto opened = open_existing();
  if (!opened && opened.error().code == Errc::Full) {
    // The reserve is for this: opening needs a little space.
    reserve_.release();
    opened = open_existing();
  }
  if (!opened) {
    const Errc code = opened.error().code;
    if (code != Errc::Full && code != Errc::ReadOnly) return opened;
    connection_.reset();
    return open_read_only(std::move(opened).error());
  }
  if (report_.read_only) return {};
  if (auto filled = reserve_.fill(); !filled) report_.no_reserve = std::move(filled).error();
  return {};
}

Result<void> Database::open_existing() {
  report_ = {};
  connection_.reset();
  WARREN_TRY_VOID(finish_replacement());
  if (!file_size(path_)) {
    WARREN_TRY_VOID(set_stray_log_aside());
    WARREN_TRY_VOID(create_database(path_, options_.migrations, options_.now, options_.vfs));
    report_.created = true;
  }
  auto opened = open_checked();
  if (!opened) {
    if (opened.error().code != Errc::Corrupt) return unexpected(std::move(opened).error());
    WARREN_TRY_VOID(replace_damaged(opened.error()));
    opened = open_checked();
    if (!opened) return unexpected(std::move(opened).error());
  }
  connection_ = std::move(*opened);
  return bring_up_to_date();
}

// Errc::Corrupt when it is not whole.
Result<Connection> Database::open_checked() const {
  // A database is never empty, because it gets its name when it is whole. SQLite would take an
  // empty file for a new database, and remove its log.
  if (file_size(path_) == 0) return fail(Errc::Corrupt, "the file is empty");
  WARREN_TRY(Connection out, Connection::open(path_, writing()));
  WARREN_TRY_VOID(expect_ours(out));
  WARREN_TRY_VOID(quick_check(out));
  return out;
}

Result<void> Database::bring_up_to_date() {
  auto migrated = migrate(*connection_, options_.migrations, file("backups"), options_.now);
  WARREN_TRY(const SchemaState state, read_schema_state(*connection_));
  report_.schema = state.version;
  if (migrated) {
    report_.migrated = std::move(*migrated);
    return {};
  }
  // Without space the old schema is whole and can be read.
  if (migrated.error().code != Errc::Full) return unexpected(std::move(migrated).error());
  report_.read_only = std::move(migrated).error();
  return {};
}

// The new file takes the place of the damaged one. Every step can be taken twice, so a start that
// was interrupted here is finished by the next.
Result<void> Database::finish_replacement() {
  if (!file_size(file(kReplacement))) return {};
  // A log that stays would be replayed into the new file (spec: server section 12, trap 5).
  for (const char* const part : {"-wal", "-shm", "-journal"}) {
    WARREN_TRY_VOID(remove_file(path_ + part));
  }
  WARREN_TRY_VOID(sync_directory(options_.directory));
  return rename_file(file(kReplacement), path_);
}

// A log without its database says nothing, and must not be replayed into a new one.
Result<void> Database::set_stray_log_aside() {
  if (file_size(path_ + "-wal").value_or(0) > 0) WARREN_TRY_VOID(keep_aside());
  for (const char* const part : {"-wal", "-shm", "-journal"}) {
    WARREN_TRY_VOID(remove_file(path_ + part));
  }
  return {};
}

// The files under second names in a directory of their own, so that nothing is lost whatever
// happens next. The index of the log (-shm) is made anew by whoever opens it.
Result<std::string> Database::keep_aside() const {
  for (int number = 1; number <= kMaxDamaged; ++number) {
    const std::string directory = file(fmt::format("damaged-{}", number));
    if (file_size(directory)) continue;
    WARREN_TRY_VOID(make_private_directory(directory));
    for (const char* const part : {"", "-wal", "-journal"}) {
      if (!file_size(path_ + part)) continue;
      WARREN_TRY_VOID(keep_copy(path_ + part, fmt::format("{}/{}{}", directory, kDatabase, part)));
    }
    WARREN_TRY_VOID(sync_directory(directory));
    return directory;
  }
  return fail(Errc::Refused, fmt::format("{} damaged databases are kept in {}: remove some",
                                         kMaxDamaged, options_.directory));
}

Result<void> Database::replace_damaged(const Error& damage) {
  WARREN_TRY(const std::string aside, keep_aside());
  const std::string source = fmt::format("{}/{}", aside, kDatabase);
  WARREN_TRY(SalvageReport report,
             salvage(source, file(kUnfinished), options_.migrations, options_.now, options_.vfs));
  report.damage = damage.detail;
  report.kept_aside = aside;
  WARREN_TRY_VOID(rename_file(file(kUnfinished), file(kReplacement)));
  WARREN_TRY_VOID(finish_replacement());
  report_.salvaged = std::move(report);
  return {};
}

Result<void> Database::open_read_only(Error why) {
  if (!file_size(path_)) {
    return with_context("no database can be made", std::move(why));
  }
  if (file_size(path_ + "-wal").value_or(0) > 0) {
    return with_context(
        "its last changes are in a log that can be read only where it can be written",
        std::move(why));
  }
  WARREN_TRY(connection_,
             Connection::open(path_, {.access = Access::Immutable, .vfs = options_.vfs}));
  WARREN_TRY_VOID(expect_ours(*connection_));
  WARREN_TRY_VOID(quick_check(*connection_));
  WARREN_TRY_VOID(check_schema(*connection_, options_.migrations));
  WARREN_TRY(const SchemaState state, read_schema_state(*connection_));
  immutable_ = true;
  report_ = {};
  report_.schema = state.version;
  report_.read_only = std::move(why);
  return {};
}

Result<void> Database::reopen() {
  connection_.reset();
  WARREN_TRY(Connection opened, Connection::open(path_, writing()));
  WARREN_TRY_VOID(expect_ours(opened));  // reads, and so replays the log
  connection_ = std::move(opened);
  return {};
}

Result<Connection> Database::open_reader() const {
  return Connection::open(
      path_, {.access = immutable_ ? Access::Immutable : Access::Read, .vfs = options_.vfs});
}

}  // namespace warren::db
