#pragma once

#include <string_view>

#include "db/error.h"

struct sqlite3;  // NOLINT(readability-identifier-naming): theirs

namespace warren::db {

// The class of a result code of SQLite. `system_errno` is what the system said, 0 when unknown.
Errc classify_sqlite(int extended_code, int system_errno);

// What went wrong last on a connection. The text holds no values: SQLite's texts name tables and
// columns only.
Error sqlite_error(sqlite3* connection, int code, std::string_view sql);

}  // namespace warren::db
