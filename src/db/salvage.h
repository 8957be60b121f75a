#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "db/error.h"
#include "db/migrations.h"

// Makes a sound database of what a damaged one still says (spec: server section 2.5). Each table is
// read by row number from both ends; what lies between is searched by halving. Nothing is guessed:
// a row is kept as it is or not at all, and the caller's loader judges what is in it.
namespace warren::db {

// Row numbers between which nothing could be read, both exclusive.
struct LostRange {
  std::int64_t after = 0;
  std::int64_t before = 0;

  bool operator==(const LostRange&) const = default;
};

struct TableSalvage {
  std::string table;
  std::int64_t kept = 0;
  std::int64_t refused = 0;     // read, but against a rule of the schema
  std::vector<LostRange> lost;  // empty: the table was read from end to end
  std::string error;            // the first thing that went wrong

  bool is_whole() const { return refused == 0 && lost.empty() && error.empty(); }
};

struct SalvageReport {
  std::string damage;      // why the database was taken for damaged
  std::string kept_aside;  // the directory with the damaged files, as they were
  bool readable = false;   // false: nothing of it, and the new database is empty
  std::int64_t schema = 0;
  std::vector<TableSalvage> tables;
  std::int64_t dangling = 0;  // rows that point to a lost one; they are kept

  std::int64_t kept() const;
  // For the log, in sentences.
  std::string summary() const;
};

// Reads `source`, which is left as it is, into the new file `target`, which is sound and on disk
// when this returns. `damage` and `kept_aside` are the caller's to fill in.
Result<SalvageReport> salvage(const std::string& source,
                              const std::string& target,
                              const Migrations& migrations,
                              WallTime now,
                              const std::string& vfs);

// A new database in one step: made under another name, whole and on disk before it has this one.
Result<void> create_database(const std::string& path,
                             const Migrations& migrations,
                             WallTime now,
                             const std::string& vfs);

inline constexpr std::int64_t kApplicationId = 0x57524e31;  // "WRN1", spec: server section 2.2

}  // namespace warren::db
