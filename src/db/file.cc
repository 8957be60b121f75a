#include "db/file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace warren::db {

namespace {

Result<void> sync_path(const std::string& path, int flags) {
  const Descriptor fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(system_error("open " + path, errno));
  if (fsync(fd.get()) == 0) return {};
  Error error = system_error("make " + path + " durable", errno);
  if (error.code == Errc::Io) error.code = Errc::Flush;
  return unexpected(std::move(error));
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

std::optional<std::uint64_t> file_size(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::uint64_t> free_space(const std::string& directory) {
  struct statvfs status{};
  if (statvfs(directory.c_str(), &status) != 0) {
    return unexpected(system_error("look for space in " + directory, errno));
  }
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Result<void> remove_file(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return unexpected(system_error("remove " + path, errno));
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return unexpected(system_error("rename " + from + " to " + to, errno));
  }
  return sync_directory(parent_of(to));
}

Result<void> sync_file(const std::string& path) {
  return sync_path(path, O_RDONLY);
}

Result<void> sync_directory(const std::string& path) {
  return sync_path(path, O_RDONLY | O_DIRECTORY);
}

Result<void> make_private_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return sync_directory(parent_of(path));
  if (errno == EEXIST) return {};
  return unexpected(system_error("make directory " + path, errno));
}

Result<void> make_private_file(const std::string& path) {
  const Descriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.is_open()) return {};
  return unexpected(system_error("make " + path, errno));
}

Result<void> keep_copy(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) == 0) return {};
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  if (error) return unexpected(system_error("copy " + from + " to " + to, error.value()));
  return sync_file(to);
}

}  // namespace warren::db
