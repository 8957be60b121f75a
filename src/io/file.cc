#include "io/file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file_descriptor.h"

namespace warren::io {

namespace {

Result<void> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) return unexpected(errno_error("write", errno));
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// A rename is on disk when its directory is.
void sync_directory(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const FileDescriptor fd(
      open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open()) fsync(fd.get());
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("open " + path, errno));
  std::string out;
  char buffer[4096];
  for (;;) {
    const ssize_t size = read(fd.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return unexpected(errno_error("read " + path, errno));
    if (size == 0) return out;
    out.append(buffer, static_cast<std::size_t>(size));
    if (out.size() > limit) {
      return fail(Errc::InvalidArgument,
                  fmt::format("read {}: it has more than {} bytes", path, limit));
    }
  }
}

Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const FileDescriptor fd(mkostemp(temporary.data(), O_CLOEXEC));  // made with mode 0600
  if (!fd.is_open()) return unexpected(errno_error("make a file beside " + path, errno));
  auto done = write_all(fd.get(), content);
  if (done && (fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0 ||
               std::rename(temporary.c_str(), path.c_str()) != 0)) {
    done = unexpected(errno_error("replace", errno));
  }
  if (!done) {
    unlink(temporary.c_str());
    return with_context(path, std::move(done).error());
  }
  sync_directory(path);
  return {};
}

}  // namespace warren::io
