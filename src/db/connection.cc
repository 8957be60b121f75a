#include "db/connection.h"

#include <chrono>

#include <sqlite3.h>

#include <fmt/format.h>

#include "db/sqlite_state.h"

namespace warren::db {

namespace {

constexpr std::size_t kMaxPrepared = 256;   // texts are constants: only a mistake has more
constexpr int kBusyMs = 5000;               // spec: server section 2.2
constexpr int kStepsBetweenLooks = 10'000;  // virtual machine steps, below a millisecond

Result<int> index_of(sqlite3_stmt* statement, std::size_t number) {
  const int index = sqlite3_bind_parameter_index(statement, fmt::format("${}", number).c_str());
  if (index == 0) return fail(Errc::Other, fmt::format("parameter ${} is missing", number));
  return index;
}

int bind_one(sqlite3_stmt* statement, int index, const Value& value, bool copy) {
  const auto lifetime = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
  if (const auto* number = value.number()) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* text = value.text()) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), lifetime, SQLITE_UTF8);
  }
  if (const auto* bytes = value.bytes()) {
    // A null pointer would bind null.
    if (bytes->empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, bytes->data(), bytes->size(), lifetime);
  }
  return sqlite3_bind_null(statement, index);
}

int on_progress(void* state) {
  return std::chrono::steady_clock::now() > static_cast<ConnectionState*>(state)->deadline ? 1 : 0;
}

int on_commit(void* state, sqlite3*, const char*, int pages) {
  static_cast<ConnectionState*>(state)->log_pages = pages;
  return SQLITE_OK;
}

// SQLite takes such a name apart at '?', '#' and '%'.
std::string uri_of(std::string_view path) {
  std::string out = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      out += fmt::format("%{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Prepared>> ConnectionState::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  auto out = std::make_unique<Prepared>();
  out->sql = sql;
  out->handle.reset(raw);
  if (code != SQLITE_OK) return unexpected(error(code, sql));
  const std::string_view rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  if (raw == nullptr || rest.find_first_not_of("; \t\r\n") != std::string_view::npos) {
    return fail(Errc::Other, fmt::format("not one statement: {}", sql));
  }
  const auto count = static_cast<std::size_t>(sqlite3_bind_parameter_count(raw));
  for (std::size_t number = 1; number <= count; ++number) {
    auto index = index_of(raw, number);
    if (!index) return with_context(sql, std::move(index).error());
    out->indexes.push_back(*index);
  }
  return out;
}

// From the cache, or new. While it is out, another use of the same text gets one of its own.
Result<std::unique_ptr<Prepared>> ConnectionState::take(std::string_view sql) {
  const auto found = idle.find(sql);
  if (found == idle.end()) return prepare(sql);
  auto out = std::move(found->second);
  idle.erase(found);
  return out;
}

void ConnectionState::give_back(std::unique_ptr<Prepared> statement) {
  sqlite3_reset(statement->handle.get());
  sqlite3_clear_bindings(statement->handle.get());
  if (idle.size() >= kMaxPrepared) return;
  std::string key = statement->sql;
  idle.emplace(std::move(key), std::move(statement));
}

Result<void> ConnectionState::bind(Prepared& statement,
                                   std::span<const Value> values,
                                   bool copy) const {
  if (values.size() != statement.indexes.size()) {
    return fail(Errc::Other, fmt::format("{} values for the {} parameters of: {}", values.size(),
                                         statement.indexes.size(), statement.sql));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    // PostgreSQL has no such text, so neither have we.
    if (const auto* text = values[i].text(); text != nullptr && text->contains('\0')) {
      return fail(Errc::Constraint,
                  fmt::format("a zero character in the text for ${} of: {}", i + 1, statement.sql));
    }
    const int code = bind_one(statement.handle.get(), statement.indexes[i], values[i], copy);
    if (code != SQLITE_OK) return unexpected(error(code, statement.sql));
  }
  return {};
}

void ConnectionState::start_read() {
  if (read_limit > Duration::zero()) deadline = std::chrono::steady_clock::now() + read_limit;
}

// Spec: server section 2.2.
Result<void> ConnectionState::set_up(const SqliteOptions& options) {
  sqlite3* const db = handle.get();
  sqlite3_busy_timeout(db, kBusyMs);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // "name" is a column also where there is none of that name; 'name' is text.
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  // Only checkpoint() copies the log: a file that turns out to be damaged is left as it is.
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (options.access == Access::Read) {
    read_limit = options.read_limit;
    sqlite3_progress_handler(db, kStepsBetweenLooks, on_progress, this);
  }

  constexpr std::string_view kAll =
      "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -8192;";
  constexpr std::string_view kWriting =
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;";
  // Connections of our own, so what they run is what the constants say.
  const auto run = [db](const char* sql) {
    return sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  };
  int code = run(kAll.data());
  const bool writes = options.access == Access::Write || options.access == Access::Create;
  if (code == SQLITE_OK && options.access == Access::Create) code = run("PRAGMA auto_vacuum = 2");
  if (code == SQLITE_OK && writes) {
    code = run(options.journal == Journal::WriteAhead
                   ? "PRAGMA journal_mode = WAL"
                   : "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE");
  }
  if (code == SQLITE_OK) code = run(writes ? kWriting.data() : "PRAGMA query_only = ON");
  if (code != SQLITE_OK) return unexpected(error(code));
  // After wal_autocheckpoint, which is a hook of the same kind.
  if (writes) sqlite3_wal_hook(db, on_commit, this);
  return {};
}

Result<Connection> Connection::open(const std::string& path, const SqliteOptions& options) {
  auto state = std::make_unique<ConnectionState>();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  std::string name = uri_of(path);
  switch (options.access) {
    case Access::Create:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
    case Access::Write:
    case Access::Read:     // readers, too, write to the index of the log
    case Access::Salvage:  // and so does who recovers it
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Access::Immutable:
      flags |= SQLITE_OPEN_READONLY;
      name += "?immutable=1";
      break;
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  state->handle.reset(raw);
  if (code != SQLITE_OK) return with_context("open " + path, sqlite_error(raw, code, {}));
  if (auto ready = state->set_up(options); !ready) {
    return with_context("open " + path, std::move(ready).error());
  }
  return Connection(std::move(state));
}

Connection::Connection(std::unique_ptr<ConnectionState> state) : state_(std::move(state)) {}

Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<std::int64_t> Connection::execute(std::string_view sql, std::span<const Value> values) {
  WARREN_TRY(auto statement, state_->take(sql));
  sqlite3_stmt* const handle = statement->handle.get();
  auto bound = state_->bind(*statement, values, false);
  const auto before = sqlite3_total_changes64(state_->handle.get());
  Result<std::int64_t> out = 0;
  if (bound) {
    state_->start_read();
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(handle);
    if (code == SQLITE_DONE) {
      out = sqlite3_total_changes64(state_->handle.get()) - before;
    } else {
      out = unexpected(state_->error(code, sql));
    }
  } else {
    out = unexpected(std::move(bound).error());
  }
  state_->give_back(std::move(statement));
  return out;
}

Result<std::int64_t> Connection::execute(std::string_view sql,
                                         std::initializer_list<Value> values) {
  return execute(sql, std::span(values.begin(), values.size()));
}

Result<Rows> Connection::query(std::string_view sql, std::span<const Value> values) {
  WARREN_TRY(auto statement, state_->take(sql));
  // Rows outlive the values, so SQLite copies them.
  WARREN_TRY_VOID(state_->bind(*statement, values, true));
  state_->start_read();
  return Rows(*state_, std::move(statement));
}

Result<Rows> Connection::query(std::string_view sql, std::initializer_list<Value> values) {
  return query(sql, std::span(values.begin(), values.size()));
}

Result<std::optional<std::int64_t>> Connection::query_number(std::string_view sql,
                                                             std::initializer_list<Value> values) {
  WARREN_TRY(Rows rows, query(sql, values));
  WARREN_TRY(const bool any, rows.next());
  if (!any) return std::nullopt;
  const auto out = rows.maybe_number(0);
  WARREN_TRY_VOID(rows.check());
  return out;
}

Result<std::optional<std::string>> Connection::query_text(std::string_view sql,
                                                          std::initializer_list<Value> values) {
  WARREN_TRY(Rows rows, query(sql, values));
  WARREN_TRY(const bool any, rows.next());
  if (!any) return std::nullopt;
  const auto text = rows.maybe_text(0);
  WARREN_TRY_VOID(rows.check());
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

Result<void> Connection::script(std::string_view sql) {
  const std::string text(sql);
  const char* rest = text.c_str();
  state_->start_read();
  while (*rest != '\0') {
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    int code = sqlite3_prepare_v2(state_->handle.get(), rest, -1, &raw, &tail);
    const std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement(raw);
    if (code != SQLITE_OK) return unexpected(state_->error(code, rest));
    code = raw == nullptr ? SQLITE_DONE : SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(raw);
    if (code != SQLITE_DONE) return unexpected(state_->error(code, rest));
    rest = tail;
  }
  return {};
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(state_->handle.get()) == 0;
}

std::int64_t Connection::log_pages() const {
  return state_->log_pages;
}

Result<std::int64_t> Connection::checkpoint(Checkpoint how) {
  sqlite3* const db = state_->handle.get();
  sqlite3_busy_timeout(db, 0);
  int in_log = 0;
  int copied = 0;
  const int mode =
      how == Checkpoint::Truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db, nullptr, mode, &in_log, &copied);
  sqlite3_busy_timeout(db, kBusyMs);
  if (code != SQLITE_OK) return unexpected(state_->error(code));
  if (how == Checkpoint::Truncate) state_->log_pages = 0;
  return in_log - copied;
}

Result<Transaction> Transaction::begin(Connection& connection) {
  WARREN_TRY_VOID(connection.execute("BEGIN IMMEDIATE"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  // What fails here leaves nothing behind: the file holds no commit.
  if (connection_ != nullptr && connection_->in_transaction()) {
    static_cast<void>(connection_->execute("ROLLBACK"));
  }
}

Result<void> Transaction::commit() {
  Connection& connection = *std::exchange(connection_, nullptr);
  auto done = connection.execute("COMMIT");
  if (done) return {};
  if (connection.in_transaction()) static_cast<void>(connection.execute("ROLLBACK"));
  return unexpected(std::move(done).error());
}

}  // namespace warren::db
