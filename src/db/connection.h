#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "db/error.h"
#include "db/value.h"

// SQL over one database, used by one thread at a time. Statement texts are constants of the caller
// in the subset that both engines understand (spec: server section 2.1); parameters are $1, $2, …
namespace warren::db {

enum class Access : std::uint8_t {
  Write,      // an existing file
  Create,     // a file that is not there yet, or is empty
  Read,       // never writes; a statement that runs longer than `read_limit` is interrupted
  Salvage,    // reads a file that may be damaged, and leaves it as it is
  Immutable,  // on a file system that cannot be written, without a write-ahead log
};

enum class Journal : std::uint8_t {
  WriteAhead,
  Rollback,  // without shared memory, for network file systems; one connection at a time
};

struct SqliteOptions {
  Access access = Access::Write;
  Journal journal = Journal::WriteAhead;
  Duration read_limit = 5s;  // spec: server section 2.2
  std::string vfs = {};      // a file layer by name, for tests; empty: the system's
};

struct ConnectionState;
struct Prepared;

// The rows of one query, one after another. Ends before its connection does.
class Rows {
 public:
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Moves to the next row; false when there is none. Fails when the query does, and when a column
  // of the row before was read as what it is not.
  Result<bool> next();

  // Columns count from 0. A value of another type, or null, is read as zero or empty and makes the
  // rows failed. Text and bytes are borrowed until next().
  std::int64_t number(int column);
  std::string_view text(int column);
  ByteView bytes(int column);
  bool is_null(int column) const;

  // The same, where null is allowed.
  std::optional<std::int64_t> maybe_number(int column);
  std::optional<std::string_view> maybe_text(int column);
  std::optional<ByteView> maybe_bytes(int column);

  // Whatever it is; nothing when it is of a type that our schemas do not have.
  std::optional<Value> value(int column) const;

  int columns() const;

  // What next() would fail with because of the columns read so far; for queries of one row.
  Result<void> check() const;

 private:
  friend class Connection;
  Rows(ConnectionState& connection, std::unique_ptr<Prepared> statement);
  bool expect(int column, int type);

  ConnectionState* connection_;
  std::unique_ptr<Prepared> statement_;
  std::string mismatch_;
};

class Connection {
 public:
  static Result<Connection> open(const std::string& path, const SqliteOptions& options);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // Runs a statement to its end; how many rows it changed.
  Result<std::int64_t> execute(std::string_view sql, std::span<const Value> values);
  Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> values = {});

  Result<Rows> query(std::string_view sql, std::span<const Value> values);
  Result<Rows> query(std::string_view sql, std::initializer_list<Value> values = {});

  // The first column of the first row; nothing when there is no row or it is null.
  Result<std::optional<std::int64_t>> query_number(std::string_view sql,
                                                   std::initializer_list<Value> values = {});
  Result<std::optional<std::string>> query_text(std::string_view sql,
                                                std::initializer_list<Value> values = {});

  // Several statements without parameters, one after another; stops at the first that fails.
  Result<void> script(std::string_view sql);

  bool in_transaction() const;

  // Pages that the write-ahead log held after the last commit of this connection.
  std::int64_t log_pages() const;

  enum class Checkpoint : std::uint8_t {
    Passive,   // what no reader is in the way of
    Truncate,  // everything, and empties the log; Busy when a reader is in the way
  };
  // Copies the log into the database file. Never waits for readers. Returns the pages of the log
  // that are still to be copied or, when there are none, 0.
  Result<std::int64_t> checkpoint(Checkpoint how);

 private:
  explicit Connection(std::unique_ptr<ConnectionState> state);

  std::unique_ptr<ConnectionState> state_;
};

// Undone unless committed. One at a time for a connection.
class Transaction {
 public:
  // Takes the write lock at once, so that nothing later fails because someone else has it.
  static Result<Transaction> begin(Connection& connection);

  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, {})) {}

  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // On failure everything is undone, except after Errc::Flush: then only opening the file again
  // tells.
  Result<void> commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}

  Connection* connection_;
};

}  // namespace warren::db
