#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct sqlite3_vfs;

// Test support: a file layer of SQLite between it and the system's, which fails on demand and knows
// what a power cut would leave. For the files of one directory, used by one thread at a time except
// for what is said to be otherwise.
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
  // leave. A file that was never synced is empty.
  void power_cut(const std::string& into) const;

  // For the layer itself.
  int before(Operation operation, const std::string& path);
  void synced(const std::string& path);
  void deleted(const std::string& path);

  sqlite3_vfs* system() const { return system_; }

 private:
  std::string name_;
  sqlite3_vfs* system_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  Fault fault_;
  std::int64_t operations_ = 0;
  std::map<std::string, std::string> durable_;  // by path
};

// The files of a directory, without those in directories within, copied to another: what a killed
// process leaves.
void copy_files(const std::string& from, const std::string& to);

}  // namespace warren::db
