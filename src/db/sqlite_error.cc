#include "db/sqlite_error.h"

#include <cerrno>

#include <sqlite3.h>

#include <fmt/format.h>

namespace warren::db {

Errc classify_sqlite(int extended_code, int system_errno) {
  switch (extended_code) {
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_DATA:
      return Errc::Corrupt;
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return Errc::Flush;
    default:
      break;
  }
  const int primary = extended_code & 0xff;  // "Result codes versus extended result codes"
  if (primary == SQLITE_FULL) return Errc::Full;
  if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) {
    if (system_errno == ENOSPC || system_errno == EDQUOT) return Errc::Full;
    if (system_errno == EROFS) return Errc::ReadOnly;
    if (system_errno == EIO) return Errc::Io;
  }
  switch (primary) {
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return Errc::ReadOnly;
    case SQLITE_IOERR:
      return Errc::Io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::Corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::Busy;
    case SQLITE_CONSTRAINT:
      return Errc::Constraint;
    case SQLITE_INTERRUPT:
      return Errc::Interrupted;
    default:
      return Errc::Other;
  }
}

Error sqlite_error(sqlite3* connection, int code, std::string_view sql) {
  constexpr std::size_t kShown = 100;  // enough to recognise a statement
  const int system_errno = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  const std::string_view text =
      connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  const Errc error = classify_sqlite(code, system_errno);
  if (sql.empty()) return {error, fmt::format("{} ({})", text, code)};
  return {error, fmt::format("{} ({}) in: {}", text, code, sql.substr(0, kShown))};
}

}  // namespace warren::db
