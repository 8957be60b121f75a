#include "plain/config_file.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/secret.h"
#include "io/file_descriptor.h"
#include "plain/names.h"

namespace warren::plain {

namespace {

// The text of a file that holds keys.
class SecretText {
 public:
  SecretText() : bytes_(wgquick::kMaxFileSize + 1) {}

  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  ~SecretText() { wipe(bytes_); }

  // Stops one byte beyond the limit, which the parser then refuses.
  Result<void> read(int fd) {
    while (size_ < bytes_.size()) {
      const ssize_t got = ::read(fd, bytes_.data() + size_, bytes_.size() - size_);
      if (got == 0) break;
      if (got > 0) {
        size_ += static_cast<std::size_t>(got);
      } else if (errno != EINTR) {
        return unexpected(errno_error("read", errno));
      }
    }
    return {};
  }

  std::string_view text() const { return as_text(ByteView(bytes_).first(size_)); }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t size_ = 0;
};

bool is_world_readable(int fd) {
  struct stat status{};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
}

}  // namespace

Result<ConfigFile> load_config_file(const std::string& path) {
  const io::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    Error error = errno_error(fmt::format("open {}", path), errno);
    if (errno == ENOENT) error.detail += "; give the path of a wg-quick file with --config";
    return unexpected(std::move(error));
  }
  SecretText text;
  if (auto done = text.read(fd.get()); !done) return with_context(path, done.error());
  auto config = wgquick::parse_config(text.text());
  if (!config) return with_context(path, config.error());
  return ConfigFile{std::move(*config), is_world_readable(fd.get())};
}

bool is_device_name(std::string_view name) {
  constexpr std::string_view kExtra = "_=+.-";
  if (name.empty() || name.size() > kMaxDeviceName || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kExtra.contains(c);
  });
}

Result<std::string> device_name_of(std::string_view path) {
  constexpr std::string_view kExtension = ".conf";
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(kExtension)) name.remove_suffix(kExtension.size());
  if (is_device_name(name)) return std::string(name);
  return fail(
      Errc::InvalidArgument,
      fmt::format("{}: the file's name is no name for a device (1 to 15 letters, digits and "
                  "_=+.-): give one with --name",
                  path));
}

}  // namespace warren::plain
