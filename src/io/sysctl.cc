#include "io/sysctl.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file_descriptor.h"

namespace warren::io {

namespace {

Result<FileDescriptor> open_sysctl(std::string_view name, int flags) {
  if (name.empty() || name.front() == '/' || name.find("..") != std::string_view::npos) {
    return fail(Errc::InvalidArgument, fmt::format("\"{}\" is no name of a kernel setting", name));
  }
  const std::string path = fmt::format("/proc/sys/{}", name);
  FileDescriptor fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("open " + path, errno));
  return fd;
}

}  // namespace

Result<std::string> read_sysctl(std::string_view name) {
  WARREN_TRY(const FileDescriptor fd, open_sysctl(name, O_RDONLY));
  std::array<char, 4096> buffer{};  // the kernel shows no more than a page
  const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
  if (got < 0) return unexpected(errno_error(fmt::format("read /proc/sys/{}", name), errno));
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text);
}

Result<void> write_sysctl(std::string_view name, std::string_view value) {
  WARREN_TRY(const FileDescriptor fd, open_sysctl(name, O_WRONLY));
  if (write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size())) return {};
  return unexpected(errno_error(fmt::format("write {} to /proc/sys/{}", value, name), errno));
}

}  // namespace warren::io
