#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

struct sqlite3_vfs;

// Test support: a file layer of SQLite between it and the system's, which fails on demand and knows
// what a power cut would leave. For the files of one directory; faults are set while no connection
// is at work.
namespace warren::db {

enum class Operation : std::uint8_t { Write, Sync, Truncate, Delete };

class FaultVfs {
 public:
  // Asked before each operation; an SQLite result code to fail with, or 0.
  using Fault = std::function<int(Operation, const std::string& path)>;

  FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs();

  const std::string& name() const { return name_; }

  void set_fault(Fault fault) { fault_ = std::move(fault); }

  std::int64_t operations() const { return operations_; }

  // Writes the files as the last successful sync of each left them: the worst that a power cut may
  // leave. What a file held when it was opened first counts as synced.
  void power_cut(const std::string& into);

  // For the layer itself.
  int before(Operation operation, const std::string& path);
  void opened(const std::string& path);
  void wrote(const std::string& path, std::int64_t offset, std::string_view data);
  void truncated(const std::string& path, std::int64_t size);
  void synced(const std::string& path);
  void deleted(const std::string& path);

  sqlite3_vfs* system() const { return system_; }

 private:
  std::string name_;
  sqlite3_vfs* system_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  Fault fault_;
  std::atomic<std::int64_t> operations_ = 0;

  struct Change {
    std::size_t offset;
    std::optional<std::string> data;  // nothing: the file ends here
  };

  struct Content {
    std::string durable;
    std::vector<Change> pending;
  };

  Mutex mutex_;
  std::map<std::string, Content> files_ WARREN_GUARDED_BY(mutex_);  // by path
};

// The files of a directory, without those in directories within, copied to another: what a killed
// process leaves.
void copy_files(const std::string& from, const std::string& to);

}  // namespace warren::db
