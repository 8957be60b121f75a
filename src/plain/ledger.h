#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "io/file_descriptor.h"
#include "plain/ledger_record.h"
#include "plain/network.h"

// What one device has changed on the host that would outlive its process: policy rules, sysctls,
// the socket file. (The TUN device, its addresses and the routes through it go with the process.)
//
// A ledger is a file DEVICE.ledger that its process holds locked. A change is noted before it is
// made, and undoing what was never done is harmless, so a process may die at any point: the lock
// goes with it, and the next start of any plain WireGuard finds the file and undoes what it lists.
namespace warren::plain {

// Where ledgers are kept, and the network namespace that this process is in.
struct LedgerPlace {
  std::string directory;
  std::uint64_t network_namespace = 0;
};

// Keeps other processes from taking a slot, recovering or undoing at the same time. Held for
// moments.
class HostLock {
 public:
  static Result<HostLock> take(const LedgerPlace& place);

 private:
  explicit HostLock(io::FileDescriptor fd) : fd_(std::move(fd)) {}

  io::FileDescriptor fd_;
};

class Ledger {
 public:
  // Under a HostLock, after recover(). AlreadyExists when another process has this device.
  static Result<std::unique_ptr<Ledger>> open(const LedgerPlace& place, const std::string& device);

  // Before the change is made.
  Result<void> note(const LedgerRecord& record);

  const std::vector<LedgerRecord>& records() const { return records_; }

  const std::string& path() const { return path_; }

  // When all is undone.
  void remove();

 private:
  Ledger(io::FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  io::FileDescriptor fd_;  // locked
  std::string path_;
  std::vector<LedgerRecord> records_;
};

// Under a HostLock. What running processes of this namespace have noted, but for `except`.
std::vector<LedgerRecord> live_records(const LedgerPlace& place, const Ledger* except);

// Under a HostLock. Undoes in reverse order and goes on after a failure, which it returns. A sysctl
// stays while `others`, the records of living processes, need it too.
Result<void> undo(const std::vector<LedgerRecord>& records,
                  const std::vector<LedgerRecord>& others,
                  Network& network);

// Under a HostLock. Undoes what dead processes have left and says so in one log line each. What
// belongs to another network namespace waits for a start in there.
void recover(const LedgerPlace& place, Network& network, Log& log);

}  // namespace warren::plain
