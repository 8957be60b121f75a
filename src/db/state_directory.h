#pragma once

#include <cstdint>
#include <string>

#include "db/error.h"
#include "db/file.h"

// What a server does with the directory that its database is in, beside the database.
namespace warren::db {

// File systems whose locks or shared memory cannot be relied on, by statfs(2) (spec: server section
// 12, trap 6).
bool is_network_file_system(std::int64_t type);
Result<std::int64_t> file_system_type(const std::string& directory);

// One server for a directory. Held until it is destroyed, or the process ends in whatever way.
class ServerLock {
 public:
  // Busy, with the other's process id, when another server holds it.
  static Result<ServerLock> take(const std::string& path);

 private:
  explicit ServerLock(Descriptor file) : file_(std::move(file)) {}

  Descriptor file_;
};

// Space that is kept for the moment in which there is none left: given back, it lets the last work
// end in good order (spec: server section 2.4).
class Reserve {
 public:
  static constexpr std::int64_t kSize = std::int64_t{16} << 20;

  explicit Reserve(std::string path) : path_(std::move(path)) {}

  // Takes the space; content when it is taken.
  Result<void> fill();
  void release();

  // Takes the space again, and fails unless there is some beside it: writing would else go on for a
  // moment only.
  Result<void> refill();

 private:
  std::string path_;
};

}  // namespace warren::db
