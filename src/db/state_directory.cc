#include "db/state_directory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fmt/format.h>

namespace warren::db {

bool is_network_file_system(std::int64_t type) {
  // linux/magic.h, and the file systems' own headers for those that it lacks.
  constexpr std::array<std::int64_t, 8> kTypes = {
      0x6969,      // NFS
      0x517b,      // SMB
      0xfe534d42,  // SMB 2
      0xff534d42,  // CIFS
      0x01021997,  // 9p
      0x5346414f,  // AFS
      0x00c36400,  // Ceph
      0x73757245,  // Coda
  };
  return std::ranges::find(kTypes, type & 0xffffffff) != kTypes.end();
}

Result<std::int64_t> file_system_type(const std::string& directory) {
  struct statfs status{};
  if (statfs(directory.c_str(), &status) != 0) {
    return unexpected(system_error("look at the file system of " + directory, errno));
  }
  return static_cast<std::int64_t>(status.f_type);
}

Result<ServerLock> ServerLock::take(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) return unexpected(system_error("open " + path, errno));
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return unexpected(system_error("lock " + path, errno));
    char text[32] = {};
    const ssize_t size = pread(file.get(), text, sizeof text - 1, 0);
    std::string other(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    other.resize(std::min(other.find_first_not_of("0123456789"), other.size()));
    return fail(Errc::Busy, fmt::format("another server runs on this directory (process {}, lock "
                                        "{}): stop it first",
                                        other.empty() ? "unknown" : other, path));
  }
  // Only for the text above: on a full disk the lock holds without it.
  const std::string own = fmt::format("{}\n", getpid());
  if (ftruncate(file.get(), 0) == 0) {
    static_cast<void>(!pwrite(file.get(), own.data(), own.size(), 0));
  }
  return ServerLock(std::move(file));
}

Result<void> Reserve::fill() {
  const Descriptor file(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) return unexpected(system_error("open " + path_, errno));
  const int error = posix_fallocate(file.get(), 0, kSize);
  if (error == 0) return {};
  release();
  return unexpected(system_error("keep space in " + path_, error));
}

Result<void> Reserve::refill() {
  constexpr std::uint64_t kBeside = std::uint64_t{4} << 20;  // some thousand changes
  WARREN_TRY_VOID(fill());
  const auto free = free_space(std::filesystem::path(path_).parent_path().string());
  if (free && *free >= kBeside) return {};
  release();
  return fail(Errc::Full, "there is no space beside the reserve");
}

void Reserve::release() {
  static_cast<void>(remove_file(path_));
}

}  // namespace warren::db
