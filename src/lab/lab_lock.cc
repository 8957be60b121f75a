#include "lab/lab_lock.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/clock.h"

namespace warren::lab {

namespace {

namespace fs = std::filesystem;

constexpr Duration kPatience = 15s;  // longer than any `up` or `down` takes
constexpr auto kPause = std::chrono::milliseconds(20);

bool is_removed(int fd) {
  struct stat status{};
  return fstat(fd, &status) != 0 || status.st_nlink == 0;
}

}  // namespace

Result<LabLock> LabLock::take(const LabFiles& files) {
  const TimePoint deadline = io::boot_now() + kPatience;
  for (;;) {
    std::error_code error;
    fs::create_directories(files.directory(), error);
    if (error) return unexpected(errno_error("make " + files.directory(), error.value()));
    const std::string path = files.lock();
    io::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.is_open() && errno != ENOENT) return unexpected(errno_error("open " + path, errno));
    if (fd.is_open() && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      // Removed between the two calls: what we hold is nobody's lock.
      if (!is_removed(fd.get())) return LabLock(std::move(fd));
      continue;
    }
    if (io::boot_now() > deadline) {
      return fail(Errc::Unavailable,
                  fmt::format("another `warren lab` makes or removes this lab and does not finish: "
                              "find it with `fuser {}`",
                              path));
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> LabLock::remove_directory(const LabFiles& files) {
  const fs::path lock = files.lock();
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(files.directory(), error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path() != lock) paths.push_back(entry->path());
  }
  paths.push_back(lock);
  for (const fs::path& path : paths) {
    if (!error) fs::remove_all(path, error);
  }
  if (error) return unexpected(errno_error("remove " + files.directory(), error.value()));
  // A `warren lab` that waits may have made the lock again, and other labs may be there.
  std::error_code not_empty;
  fs::remove(files.directory(), not_empty);
  fs::remove(kLabsDirectory, not_empty);
  return {};
}

}  // namespace warren::lab
