#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "db/connection.h"
#include "db/error.h"
#include "db/migrations.h"
#include "db/salvage.h"
#include "db/state_directory.h"

// The database of a server: one file in its state directory, opened by one process, on the
// program's schema. Opening ends with a database that can at least be read, and a report of what
// was done for that, whenever there is a way (spec: server sections 2.2 and 2.4 to 2.6).
//
//   warren.db        the database, with -wal and -shm while it is open
//   warren.lock      the process that has it
//   warren.reserve   space for when there is none
//   backups/         copies from before migrations
//   damaged-1/ …     damaged databases that were replaced; never removed by us
namespace warren::db {

enum class NetworkFileSystem : std::uint8_t {
  Refuse,
  Allow,  // without a write-ahead log: slower, and at the user's risk
};

struct OpenOptions {
  std::string directory;
  Migrations migrations;
  WallTime now;
  NetworkFileSystem network_file_system = NetworkFileSystem::Refuse;
  std::string vfs = {};  // a file layer by name, for tests
};

struct OpenReport {
  bool created = false;
  std::int64_t schema = 0;  // older than the program's only when `read_only`
  std::optional<Migrated> migrated;
  std::optional<SalvageReport> salvaged;
  std::optional<Error> read_only;   // why nothing can be stored until the next start
  std::optional<Error> no_reserve;  // the disk is so full that no space could be kept
};

// Used by one thread at a time, like its connection.
class Database {
 public:
  // Busy when another server has the directory, Refused when this program cannot work with the
  // database; both say what helps.
  static Result<std::unique_ptr<Database>> open(OpenOptions options);

  const OpenReport& report() const { return report_; }

  // Null after reopen() failed.
  Connection* connection() { return connection_ ? &*connection_ : nullptr; }

  // Closes and opens the file again, because the system failed to write it: what the file says now
  // is what counts.
  Result<void> reopen();

  // For another thread; at most four (spec: server section 2.2). Statements end after five seconds.
  // Busy on a network file system, where there is one connection only.
  Result<Connection> open_reader() const;

  Reserve& reserve() { return reserve_; }

 private:
  explicit Database(OpenOptions options);

  std::string file(std::string_view name) const;
  SqliteOptions writing() const;
  Result<void> open_files();
  Result<void> finish_replacement();
  Result<void> set_stray_log_aside();
  Result<void> open_existing();
  Result<Connection> open_checked() const;
  Result<void> replace_damaged(const Error& damage);
  Result<void> bring_up_to_date();
  Result<void> open_read_only(Error why);
  Result<std::string> keep_aside() const;

  OpenOptions options_;
  std::string path_;
  Reserve reserve_;
  std::optional<ServerLock> lock_;
  std::optional<Connection> connection_;
  bool immutable_ = false;  // opened where nothing can be written
  OpenReport report_;
};

}  // namespace warren::db
