#include "plain/ledger.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <ranges>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "plain/stale_socket.h"

namespace warren::plain {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".ledger";
constexpr std::size_t kMaxLedgers = 1024;  // a directory with more is not ours to sweep

// Another process's ledger; `lock` is open if that process is dead, and keeps it ours.
struct Found {
  fs::path path;
  io::FileDescriptor lock;
  bool is_live = false;
  std::vector<LedgerRecord> records;
};

Result<std::string> read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (;;) {
    const ssize_t size = pread(fd, buffer, sizeof buffer, static_cast<off_t>(out.size()));
    if (size < 0) return unexpected(errno_error("read the ledger", errno));
    if (size == 0) return out;
    out.append(buffer, static_cast<std::size_t>(size));
    if (out.size() > kMaxLedgerSize) return fail(Errc::InvalidArgument, "the ledger is too large");
  }
}

bool is_unlinked(int fd) {
  struct stat status{};
  return fstat(fd, &status) != 0 || status.st_nlink == 0;
}

std::uint64_t namespace_of(const std::vector<LedgerRecord>& records) {
  for (const LedgerRecord& record : records) {
    if (const auto* const found = std::get_if<NamespaceRecord>(&record)) return found->cookie;
  }
  return 0;
}

std::vector<Found> find_ledgers(const LedgerPlace& place) {
  std::vector<Found> out;
  std::error_code error;
  for (fs::directory_iterator entry(place.directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != kExtension || out.size() == kMaxLedgers) continue;
    io::FileDescriptor fd(::open(entry->path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.is_open()) continue;
    const bool is_live = flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
    if (is_unlinked(fd.get())) continue;  // its process has just ended cleanly
    auto text = read_all(fd.get());
    out.push_back({entry->path(), is_live ? io::FileDescriptor() : std::move(fd), is_live,
                   text ? decode_ledger(*text) : std::vector<LedgerRecord>()});
  }
  return out;
}

bool is_of_namespace(const LedgerRecord& record) {
  return std::holds_alternative<RuleRecord>(record) || std::holds_alternative<SysctlRecord>(record);
}

bool is_needed(const SysctlRecord& record, const std::vector<LedgerRecord>& others) {
  return std::ranges::any_of(others, [&](const LedgerRecord& other) {
    const auto* const sysctl = std::get_if<SysctlRecord>(&other);
    return sysctl != nullptr && sysctl->name == record.name;
  });
}

Result<void> restore(const SysctlRecord& record, Network& network) {
  WARREN_TRY(const std::string now, network.read_sysctl(record.name));
  if (now != record.ours) return {};  // someone has changed it since: theirs to keep
  return network.write_sysctl(record.name, record.original);
}

Result<void> undo_one(const LedgerRecord& record,
                      const std::vector<LedgerRecord>& others,
                      Network& network) {
  if (const auto* const rule = std::get_if<RuleRecord>(&record)) {
    return network.remove_rule(rule->rule);
  }
  if (const auto* const sysctl = std::get_if<SysctlRecord>(&record)) {
    return is_needed(*sysctl, others) ? Result<void>() : restore(*sysctl, network);
  }
  if (const auto* const socket = std::get_if<SocketRecord>(&record)) {
    return remove_stale_socket(socket->path);
  }
  return {};
}

std::string summary(const std::vector<LedgerRecord>& records) {
  std::size_t rules = 0;
  std::size_t sysctls = 0;
  std::size_t sockets = 0;
  for (const LedgerRecord& record : records) {
    rules += std::holds_alternative<RuleRecord>(record) ? 1U : 0U;
    sysctls += std::holds_alternative<SysctlRecord>(record) ? 1U : 0U;
    sockets += std::holds_alternative<SocketRecord>(record) ? 1U : 0U;
  }
  return fmt::format("rules={} sysctls={} sockets={}", rules, sysctls, sockets);
}

void recover_one(const Found& found,
                 const std::vector<LedgerRecord>& others,
                 const LedgerPlace& place,
                 Network& network,
                 Log& log) {
  std::vector<LedgerRecord> records = found.records;
  bool is_all = true;
  if (namespace_of(records) != place.network_namespace) {
    is_all = std::ranges::none_of(records, is_of_namespace);
    std::erase_if(records, is_of_namespace);
  }
  const auto undone = undo(records, others, network);
  const std::string device = found.path.stem().string();
  if (!undone) {
    log.warn(
        "wg: could not undo all that a killed process left of {}, the next start tries again: "
        "{}",
        device, undone.error().detail);
    return;
  }
  if (!is_all) return;
  log.info("wg: undid what a killed process left of {}: {}", device, summary(records));
  unlink(found.path.c_str());
}

}  // namespace

Result<HostLock> HostLock::take(const LedgerPlace& place) {
  std::error_code error;
  fs::create_directories(place.directory, error);
  if (error) {
    return unexpected(
        errno_error(fmt::format("make {} (run as root)", place.directory), error.value()));
  }
  const std::string path = place.directory + "/lock";
  io::FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) {
    return unexpected(errno_error(fmt::format("open {} (run as root)", path), errno));
  }
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return unexpected(errno_error(fmt::format("lock {}", path), errno));
  }
  return HostLock(std::move(fd));
}

Result<std::unique_ptr<Ledger>> Ledger::open(const LedgerPlace& place, const std::string& device) {
  const std::string path = fmt::format("{}/{}{}", place.directory, device, kExtension);
  io::FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return unexpected(errno_error(fmt::format("open {}", path), errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Errc::AlreadyExists,
                fmt::format("{} is run by another `warren wg` on this host (it holds {}): stop "
                            "that one, or choose another name with --name",
                            device, path));
  }
  WARREN_TRY(const std::string text, read_all(fd.get()));
  if (const auto old = decode_ledger(text); !old.empty()) {
    // Left by a process of another network namespace: kept for a start in there.
    const std::string aside =
        fmt::format("{}/{}@{}{}", place.directory, device, namespace_of(old), kExtension);
    if (rename(path.c_str(), aside.c_str()) != 0) {
      return unexpected(errno_error(fmt::format("set aside {}", path), errno));
    }
    return open(place, device);
  }
  if (ftruncate(fd.get(), 0) != 0) {
    return unexpected(errno_error(fmt::format("empty {}", path), errno));
  }
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(fd), path));
  const std::string header(kLedgerHeader);
  if (pwrite(ledger->fd_.get(), header.data(), header.size(), 0) !=
      static_cast<ssize_t>(header.size())) {
    return unexpected(errno_error(fmt::format("write {}", path), errno));
  }
  WARREN_TRY_VOID(ledger->note(NamespaceRecord{place.network_namespace}));
  return ledger;
}

Result<void> Ledger::note(const LedgerRecord& record) {
  const std::string line = encode_record(record);
  const off_t end = lseek(fd_.get(), 0, SEEK_END);
  const ssize_t written = end < 0 ? -1 : pwrite(fd_.get(), line.data(), line.size(), end);
  if (written != static_cast<ssize_t>(line.size())) {
    const int error = written < 0 ? errno : ENOSPC;
    if (end >= 0 && ftruncate(fd_.get(), end) != 0) {
    }  // half a line would spoil the next
    return unexpected(errno_error(fmt::format("write {}", path_), error));
  }
  records_.push_back(record);
  return {};
}

void Ledger::remove() {
  unlink(path_.c_str());
  records_.clear();
}

std::vector<LedgerRecord> live_records(const LedgerPlace& place, const Ledger* except) {
  std::vector<LedgerRecord> out;
  for (Found& found : find_ledgers(place)) {
    if (!found.is_live || namespace_of(found.records) != place.network_namespace) continue;
    if (except != nullptr && found.path == except->path()) continue;
    std::ranges::move(found.records, std::back_inserter(out));
  }
  return out;
}

Result<void> undo(const std::vector<LedgerRecord>& records,
                  const std::vector<LedgerRecord>& others,
                  Network& network) {
  Result<void> outcome;
  for (const LedgerRecord& record : std::views::reverse(records)) {
    auto done = undo_one(record, others, network);
    if (!done && outcome) outcome = std::move(done);
  }
  return outcome;
}

void recover(const LedgerPlace& place, Network& network, Log& log) {
  const std::vector<Found> ledgers = find_ledgers(place);
  std::vector<LedgerRecord> others;
  for (const Found& found : ledgers) {
    if (!found.is_live || namespace_of(found.records) != place.network_namespace) continue;
    others.insert(others.end(), found.records.begin(), found.records.end());
  }
  for (const Found& found : ledgers) {
    if (!found.is_live) recover_one(found, others, place, network, log);
  }
}

}  // namespace warren::plain
