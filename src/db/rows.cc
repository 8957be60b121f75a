#include <sqlite3.h>

#include <fmt/format.h>

#include "db/connection.h"
#include "db/sqlite_state.h"

namespace warren::db {

namespace {

std::string_view type_name(int type) {
  switch (type) {
    case SQLITE_INTEGER:
      return "a number";
    case SQLITE_TEXT:
      return "text";
    case SQLITE_BLOB:
      return "bytes";
    case SQLITE_NULL:
      return "null";
    default:
      return "a value of another type";
  }
}

}  // namespace

Rows::Rows(ConnectionState& connection, std::unique_ptr<Prepared> statement)
    : connection_(&connection), statement_(std::move(statement)) {}

Rows::Rows(Rows&&) noexcept = default;

Rows::~Rows() {
  if (statement_) connection_->give_back(std::move(statement_));
}

Result<bool> Rows::next() {
  WARREN_TRY_VOID(check());
  const int code = sqlite3_step(statement_->handle.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return unexpected(connection_->error(code, statement_->sql));
}

Result<void> Rows::check() const {
  if (mismatch_.empty()) return {};
  return fail(Errc::Other, mismatch_);
}

bool Rows::expect(int column, int type) {
  sqlite3_stmt* const statement = statement_->handle.get();
  const int found = sqlite3_column_type(statement, column);
  if (found == type) return true;
  const char* const name = sqlite3_column_name(statement, column);
  if (mismatch_.empty()) {
    mismatch_ =
        fmt::format("column {} ({}) holds {}, not {}: {}", column, name != nullptr ? name : "none",
                    type_name(found), type_name(type), statement_->sql);
  }
  return false;
}

std::int64_t Rows::number(int column) {
  return expect(column, SQLITE_INTEGER) ? sqlite3_column_int64(statement_->handle.get(), column)
                                        : 0;
}

std::string_view Rows::text(int column) {
  if (!expect(column, SQLITE_TEXT)) return {};
  sqlite3_stmt* const statement = statement_->handle.get();
  const auto* const data = sqlite3_column_text(statement, column);
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

ByteView Rows::bytes(int column) {
  if (!expect(column, SQLITE_BLOB)) return {};
  sqlite3_stmt* const statement = statement_->handle.get();
  const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_->handle.get(), column) == SQLITE_NULL;
}

std::optional<std::int64_t> Rows::maybe_number(int column) {
  if (is_null(column)) return std::nullopt;
  return number(column);
}

std::optional<std::string_view> Rows::maybe_text(int column) {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

std::optional<ByteView> Rows::maybe_bytes(int column) {
  if (is_null(column)) return std::nullopt;
  return bytes(column);
}

std::optional<Value> Rows::value(int column) const {
  sqlite3_stmt* const statement = statement_->handle.get();
  const auto size = [&] {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
      return Value();
    case SQLITE_INTEGER:
      return Value(std::int64_t{sqlite3_column_int64(statement, column)});
    case SQLITE_TEXT: {
      const auto* const data =
          reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return Value(std::string(data, size()));
    }
    case SQLITE_BLOB: {
      const auto* const data =
          static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
      return Value(ByteView(data, size()));
    }
    default:
      return std::nullopt;
  }
}

int Rows::columns() const {
  return sqlite3_column_count(statement_->handle.get());
}

}  // namespace warren::db
