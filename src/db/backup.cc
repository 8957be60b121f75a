#include "db/backup.h"

#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "db/file.h"

namespace warren::db {

namespace {

// What the copy leaves free, so that the work that needs it can begin.
constexpr std::uint64_t kSpare = std::uint64_t{4} << 20;

constexpr std::uint64_t to_mib(std::uint64_t bytes) {
  return (bytes + (1 << 20) - 1) >> 20;
}

Result<void> expect_space(Connection& connection, const std::string& directory) {
  WARREN_TRY(const auto pages, connection.query_number("PRAGMA page_count"));
  WARREN_TRY(const auto page_size, connection.query_number("PRAGMA page_size"));
  WARREN_TRY(const std::uint64_t free, free_space(directory));
  const auto needed =
      static_cast<std::uint64_t>(pages.value_or(0) * page_size.value_or(0)) + kSpare;
  if (free >= needed) return {};
  return fail(Errc::Full, fmt::format("{} has {} MiB free and {} MiB are needed: free some space "
                                      "there and start again",
                                      directory, to_mib(free), to_mib(needed)));
}

Result<void> check_file(const std::string& path) {
  WARREN_TRY(Connection copy, Connection::open(path, {.access = Access::Immutable}));
  return quick_check(copy);
}

Result<void> write_copy(Connection& connection, const std::string& path) {
  WARREN_TRY_VOID(make_private_file(path));  // VACUUM takes an empty file
  WARREN_TRY_VOID(connection.execute("VACUUM INTO $1", {path}));
  WARREN_TRY_VOID(sync_file(path));
  return check_file(path);
}

}  // namespace

Result<void> quick_check(Connection& connection) {
  WARREN_TRY(const auto verdict, connection.query_text("PRAGMA quick_check(1)"));
  if (verdict == "ok") return {};
  return fail(Errc::Corrupt, verdict.value_or("the check says nothing"));
}

Result<void> copy_database(Connection& connection, const std::string& path) {
  WARREN_TRY_VOID(expect_space(connection, std::filesystem::path(path).parent_path().string()));
  const std::string unfinished = path + ".tmp";
  WARREN_TRY_VOID(remove_file(unfinished));
  auto written = write_copy(connection, unfinished);
  if (written) written = rename_file(unfinished, path);
  if (written) return {};
  static_cast<void>(remove_file(unfinished));
  return with_context("write " + path, std::move(written).error());
}

}  // namespace warren::db
