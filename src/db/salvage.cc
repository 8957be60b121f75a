#include "db/salvage.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "db/backup.h"
#include "db/file.h"

namespace warren::db {

namespace {

// One damaged page holds some hundred rows at most, and halving costs two looks for each; ten such
// pages in one table are more than a disk that is worth reading has.
constexpr int kMaxLooks = 2'000;

Result<std::vector<std::string>> names(Connection& connection,
                                       std::string_view sql,
                                       std::initializer_list<Value> values) {
  WARREN_TRY(Rows rows, connection.query(sql, values));
  std::vector<std::string> out;
  for (;;) {
    WARREN_TRY(const bool any, rows.next());
    if (!any) return out;
    out.emplace_back(rows.text(0));
  }
}

Result<std::vector<std::string>> columns_of(Connection& connection, const std::string& table) {
  return names(connection, "SELECT name FROM pragma_table_info($1)", {table});
}

// What says that the damaged file cannot be read in that place, and not that we cannot work.
bool is_loss(const Error& error) {
  return error.code != Errc::Full && error.code != Errc::ReadOnly && error.code != Errc::Busy;
}

// The same for the file, or a table, as a whole: a disk that does not answer may do so later.
bool is_loss_of_all(const Error& error) {
  return is_loss(error) && error.code != Errc::Io;
}

enum class Direction : std::uint8_t { Up, Down };

// Copies one table. Failing to read is a loss that is written down; failing to write ends it.
class TableReader {
 public:
  TableReader(Connection& from, Connection& to, TableSalvage& out)
      : from_(from), to_(to), out_(out) {}

  Result<void> run() {
    WARREN_TRY(const auto wanted, columns_of(to_, out_.table));
    const auto present = columns_of(from_, out_.table);
    if (!present) {
      if (!is_loss_of_all(present.error())) return unexpected(present.error());
      note(present.error().detail);
      return {};
    }
    std::vector<std::string> columns;
    std::ranges::copy_if(wanted, std::back_inserter(columns), [&](const std::string& name) {
      return std::ranges::find(*present, name) != present->end();
    });
    if (columns.empty()) {
      note("the damaged file has no such table");
      return {};
    }
    make_statements(columns);
    WARREN_TRY(Transaction transaction, Transaction::begin(to_));
    WARREN_TRY_VOID(read_everything());
    return transaction.commit();
  }

 private:
  void note(const std::string& what) {
    if (out_.error.empty()) out_.error = what;
  }

  Result<void> note_loss(const Error& error) {
    if (!is_loss(error)) return unexpected(error);
    note(error.detail);
    return {};
  }

  void make_statements(const std::vector<std::string>& columns) {
    const std::string list = fmt::format("{}", fmt::join(columns, ", "));
    std::string values;
    for (std::size_t i = 1; i <= columns.size(); ++i) {
      values += fmt::format("{}${}", i == 1 ? "" : ", ", i);
    }
    insert_ = fmt::format("INSERT INTO {} ({}) VALUES ({})", out_.table, list, values);
    const std::string read = fmt::format(
        "SELECT rowid, {} FROM {} NOT INDEXED WHERE rowid > $1 AND rowid < $2 ORDER BY rowid ",
        list, out_.table);
    read_up_ = read + "ASC";
    read_down_ = read + "DESC";
  }

  Result<void> read_everything() {
    std::vector<LostRange> open = {
        {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}};
    for (int looks = 0; !open.empty(); ++looks) {
      LostRange range = open.back();
      open.pop_back();
      if (looks < kMaxLooks) {
        WARREN_TRY(const bool up, read(range, Direction::Up));
        if (up) continue;
        WARREN_TRY(const bool down, read(range, Direction::Down));
        if (down) continue;
      }
      // As unsigned, because the whole range is wider than a signed number can say.
      const auto width =
          static_cast<std::uint64_t>(range.before) - static_cast<std::uint64_t>(range.after);
      if (width < 2) continue;  // no row number lies between
      if (width == 2 || looks >= kMaxLooks) {
        lose(range);
        continue;
      }
      const auto middle =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(range.after) + width / 2);
      open.push_back({middle - 1, range.before});
      open.push_back({range.after, middle});  // first, so that losses come in order
    }
    return {};
  }

  void lose(LostRange range) {
    if (!out_.lost.empty() && range.after < out_.lost.back().before) {
      out_.lost.back().before = range.before;
    } else {
      out_.lost.push_back(range);
    }
  }

  // Reads from one end and moves that end behind the last row that could be read. True when the
  // other end was reached.
  Result<bool> read(LostRange& range, Direction direction) {
    const bool up = direction == Direction::Up;
    auto rows = from_.query(up ? read_up_ : read_down_, {range.after, range.before});
    if (!rows) {
      WARREN_TRY_VOID(note_loss(rows.error()));
      return false;
    }
    for (;;) {
      const auto any = rows->next();
      if (!any) {
        WARREN_TRY_VOID(note_loss(any.error()));
        return false;
      }
      if (!*any) return true;
      (up ? range.after : range.before) = rows->number(0);
      WARREN_TRY_VOID(keep(*rows));
    }
  }

  Result<void> keep(const Rows& row) {
    std::vector<Value> values;
    for (int column = 1; column < row.columns(); ++column) {
      auto value = row.value(column);
      if (!value) return refuse("a value of a type that we do not have");
      values.push_back(std::move(*value));
    }
    // What a migration put there is there only for a new database.
    if (out_.kept == 0) WARREN_TRY_VOID(to_.execute(fmt::format("DELETE FROM {}", out_.table)));
    const auto done = to_.execute(insert_, values);
    if (done) {
      ++out_.kept;
      return {};
    }
    if (done.error().code == Errc::Constraint) return refuse(done.error().detail);
    return unexpected(done.error());
  }

  Result<void> refuse(const std::string& why) {
    ++out_.refused;
    note(why);
    return {};
  }

  Connection& from_;
  Connection& to_;
  TableSalvage& out_;
  std::string insert_;
  std::string read_up_;
  std::string read_down_;
};

// The schema that the rows were written for; the program's when that cannot be read.
std::int64_t schema_of(Connection& source, std::int64_t head) {
  const auto state = read_schema_state(source);
  if (state && state->version > 0) return std::min(state->version, head);
  const auto version = source.query_number("PRAGMA user_version");
  const std::int64_t told = version ? version->value_or(0) : 0;
  return told >= 1 && told <= head ? told : head;
}

Result<void> copy_tables(Connection& source, Connection& target, SalvageReport& report) {
  WARREN_TRY(const auto tables,
             names(target,
                   "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> $1 AND "
                   "substr(name, 1, 7) <> 'sqlite_' ORDER BY name",
                   {"schema_migration"}));
  WARREN_TRY_VOID(target.script("PRAGMA foreign_keys = OFF"));
  for (const std::string& table : tables) {
    report.tables.push_back({.table = table, .lost = {}, .error = {}});
    WARREN_TRY_VOID(TableReader(source, target, report.tables.back()).run());
  }
  WARREN_TRY(const auto dangling,
             target.query_number("SELECT COUNT(*) FROM pragma_foreign_key_check"));
  report.dangling = dangling.value_or(0);
  return {};
}

Result<Connection> create(const std::string& path,
                          const Migrations& migrations,
                          std::int64_t schema,
                          WallTime now,
                          const std::string& vfs) {
  for (const char* const part : {"", "-wal", "-shm", "-journal"}) {
    WARREN_TRY_VOID(remove_file(path + part));
  }
  WARREN_TRY_VOID(make_private_file(path));
  WARREN_TRY(Connection out, Connection::open(path, {.access = Access::Create, .vfs = vfs}));
  WARREN_TRY_VOID(out.script(fmt::format("PRAGMA application_id = {}", kApplicationId)));
  WARREN_TRY_VOID(apply_migrations(out, migrations, schema, now));
  return out;
}

// Leaves one sound file that needs no other, on disk.
Result<void> finish(std::optional<Connection> connection, const std::string& path) {
  WARREN_TRY_VOID(quick_check(*connection));
  WARREN_TRY_VOID(connection->checkpoint(Connection::Checkpoint::Truncate));
  connection.reset();
  WARREN_TRY_VOID(remove_file(path + "-wal"));
  WARREN_TRY_VOID(remove_file(path + "-shm"));
  return sync_file(path);
}

}  // namespace

std::int64_t SalvageReport::kept() const {
  std::int64_t out = 0;
  for (const TableSalvage& table : tables) out += table.kept;
  return out;
}

std::string SalvageReport::summary() const {
  std::string out =
      fmt::format("the database was damaged ({}); its files are kept in {}. ", damage, kept_aside);
  if (!readable) return out + "Nothing of it could be read: the server starts with an empty one.";
  out += fmt::format("{} rows of {} tables were saved.", kept(), tables.size());
  for (const TableSalvage& table : tables) {
    if (table.is_whole()) continue;
    out += fmt::format(" {}: {} rows saved, {} refused", table.table, table.kept, table.refused);
    for (const LostRange& range : table.lost) {
      out += fmt::format(", lost between {} and {}", range.after, range.before);
    }
    if (!table.error.empty()) out += fmt::format(" ({})", table.error);
    out += '.';
  }
  if (dangling > 0) out += fmt::format(" {} rows point to lost ones.", dangling);
  return out;
}

Result<SalvageReport> salvage(const std::string& source,
                              const std::string& target,
                              const Migrations& migrations,
                              WallTime now,
                              const std::string& vfs) {
  SalvageReport report;
  auto from = Connection::open(source, {.access = Access::Salvage, .vfs = vfs});
  if (!from && !is_loss_of_all(from.error())) return unexpected(std::move(from).error());
  report.schema = from ? schema_of(*from, migrations.head()) : migrations.head();
  WARREN_TRY(Connection to, create(target, migrations, report.schema, now, vfs));
  if (from) WARREN_TRY_VOID(copy_tables(*from, to, report));
  report.readable = report.kept() > 0;
  WARREN_TRY_VOID(finish(std::move(to), target));
  return report;
}

Result<void> create_database(const std::string& path,
                             const Migrations& migrations,
                             WallTime now,
                             const std::string& vfs) {
  const std::string unfinished = path + ".tmp";
  WARREN_TRY(Connection made, create(unfinished, migrations, migrations.head(), now, vfs));
  WARREN_TRY_VOID(finish(std::move(made), unfinished));
  return rename_file(unfinished, path);
}

}  // namespace warren::db
