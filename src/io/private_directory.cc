#include "io/private_directory.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file_descriptor.h"

namespace warren::io {

namespace {

Result<void> make_parents(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (parent.empty() || std::filesystem::exists(parent, error)) return {};
  const mode_t before = umask(022);
  std::filesystem::create_directories(parent, error);
  umask(before);
  if (error) return unexpected(errno_error("make directory " + parent.string(), error.value()));
  return {};
}

}  // namespace

Result<void> make_private_directory(const std::string& path) {
  WARREN_TRY_VOID(make_parents(path));
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return unexpected(errno_error("make directory " + path, errno));
  const FileDescriptor fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!fd.is_open() || fstat(fd.get(), &status) != 0)
    return unexpected(errno_error("open directory " + path, errno));
  if (status.st_uid != geteuid()) {
    return fail(Errc::PermissionDenied,
                fmt::format("{0} belongs to user {1}, this is user {2}: run `chown {2} {0}` when "
                            "what is in it can be trusted, else move it away",
                            path, status.st_uid, geteuid()));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(Errc::PermissionDenied,
                fmt::format("other users may write to {0}: run `chmod 0700 {0}` when what is in it "
                            "can be trusted, else move it away",
                            path));
  }
  return {};
}

}  // namespace warren::io
