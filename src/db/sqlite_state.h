#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include "db/connection.h"
#include "db/sqlite_error.h"

// What stands behind Connection and Rows; nobody else includes this.
namespace warren::db {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close(connection); }
};

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// A statement, and for each $n the number that SQLite gave it: it counts parameters in the order in
// which they appear (spec: server section 12, trap 1).
struct Prepared {
  std::string sql;
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> handle;
  std::vector<int> indexes;
};

struct ConnectionState {
  // Statements end before the connection does.
  std::unique_ptr<sqlite3, CloseConnection> handle;
  std::map<std::string, std::unique_ptr<Prepared>, std::less<>> idle;
  Duration read_limit{};  // zero: none
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::int64_t log_pages = 0;

  Error error(int code, std::string_view sql = {}) const {
    return sqlite_error(handle.get(), code, sql);
  }

  Result<std::unique_ptr<Prepared>> prepare(std::string_view sql);
  Result<std::unique_ptr<Prepared>> take(std::string_view sql);
  void give_back(std::unique_ptr<Prepared> statement);
  Result<void> bind(Prepared& statement, std::span<const Value> values, bool copy) const;
  void start_read();
  Result<void> set_up(const SqliteOptions& options);
};

}  // namespace warren::db
