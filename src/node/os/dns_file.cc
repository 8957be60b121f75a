#include "node/os/dns_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file.h"
#include "io/file_descriptor.h"
#include "node/os/dns_resolv_conf.h"

namespace warren::node {

namespace {

constexpr std::string_view kName = "resolv.conf";
constexpr std::string_view kBackup = "resolv.before-warren.conf";
// What is kept when there was nothing.
constexpr std::string_view kNothing = "# Warren: there was no resolv.conf here.\n";
constexpr mode_t kMode = 0644;  // everybody resolves names

// A rename is on the disk when its directory is.
void sync_directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const io::FileDescriptor fd(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open()) fsync(fd.get());
}

Result<void> replace_link(const std::string& path, const std::string& target) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  if (symlink(target.c_str(), temporary.c_str()) != 0) {
    return unexpected(errno_error("make a link beside " + path, errno));
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return unexpected(errno_error("replace " + path, error));
  }
  sync_directory_of(path);
  return {};
}

// Whoever reads it meanwhile may see a part: where a file is mounted there is no better way.
Result<void> write_in_place(const std::string& path, std::string_view content) {
  const io::FileDescriptor fd(open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(errno_error("open " + path, errno));
  while (!content.empty()) {
    const ssize_t size = ::write(fd.get(), content.data(), content.size());
    if (size < 0 && errno != EINTR) return unexpected(errno_error("write " + path, errno));
    if (size > 0) content.remove_prefix(static_cast<std::size_t>(size));
  }
  fsync(fd.get());
  return {};
}

Result<void> remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return unexpected(errno_error("remove " + path, errno));
  }
  sync_directory_of(path);
  return {};
}

}  // namespace

DnsFile::DnsFile(const DnsHost& host)
    : host_(host),
      path_(host.etc(kName)),
      beside_(host.etc(kBackup)),
      in_state_(fmt::format("{}/{}", host.state_directory, kBackup)) {}

Result<DnsFile::Entry> DnsFile::look(const std::string& path) {
  Entry out;
  struct statx found{};
  if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MODE,
            &found) != 0) {
    if (errno == ENOENT) return out;
    return unexpected(errno_error("look at " + path, errno));
  }
  out.mode = found.stx_mode & 07777U;
  if (S_ISLNK(found.stx_mode)) {
    std::error_code error;
    out.kind = Entry::Kind::Link;
    out.content = std::filesystem::read_symlink(path, error).string();
    if (error) return unexpected(errno_error("read the link " + path, error.value()));
    return out;
  }
  if (!S_ISREG(found.stx_mode)) return fail(Errc::Unsupported, path + " is no file");
  out.kind = Entry::Kind::File;
  out.is_mounted = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  WARREN_TRY(out.content, io::read_file(path, kMaxResolvConf));
  return out;
}

// Below the root that tests have, absolute links lead below it too. Empty: there is none.
std::string DnsFile::read_through(const std::string& path) const {
  std::error_code error;
  std::string at = path;
  if (const auto target = std::filesystem::read_symlink(path, error); !error) {
    at = target.is_absolute() ? host_.root + target.string()
                              : (std::filesystem::path(path).parent_path() / target).string();
  }
  return io::read_file(at, kMaxResolvConf).value_or(std::string());
}

// Where a file is mounted, the directory around it may be that of another machine, with another
// node's backup in it.
std::vector<std::string> DnsFile::places(bool is_mounted) const {
  if (is_mounted) return {in_state_};
  return {beside_, in_state_};
}

std::optional<std::string> DnsFile::backup() const {
  const auto now = look(path_);
  for (const std::string& path : places(now && now->is_mounted)) {
    std::error_code error;
    if (std::filesystem::is_symlink(path, error) || std::filesystem::exists(path, error)) {
      return path;
    }
  }
  return std::nullopt;
}

// The host's own resolv.conf, wherever it is now.
std::string DnsFile::host_text() const {
  std::string text = read_through(path_);
  if (writer_of(text) != ResolvConfWriter::Warren) return text;
  const auto kept = backup();
  return kept ? read_through(*kept) : std::string();
}

Result<void> DnsFile::keep(const Entry& entry, const std::string& to) {
  Result<void> kept;
  switch (entry.kind) {
    case Entry::Kind::Nothing:
      kept = io::replace_file(to, kNothing, kMode);
      break;
    case Entry::Kind::File:
      kept = io::replace_file(to, entry.content, entry.mode);
      break;
    case Entry::Kind::Link:
      kept = replace_link(to, entry.content);
      break;
  }
  if (!kept) return with_context("keep the host's resolv.conf", std::move(kept).error());
  return {};
}

Result<void> DnsFile::write(const Entry& before, const std::string& text) const {
  if (before.is_mounted) return write_in_place(path_, text);
  return io::replace_file(path_, text, kMode);
}

Result<void> DnsFile::set(const OsDnsConfig& config) {
  if (config.is_hands_off()) {
    WARREN_TRY([[maybe_unused]] const bool was_there, restore());
    return {};
  }
  WARREN_TRY(const Entry now, look(path_));
  const bool is_ours =
      now.kind == Entry::Kind::File && writer_of(now.content) == ResolvConfWriter::Warren;
  const std::string kept = places(now.is_mounted).front();
  const ResolvConf host = parse_resolv_conf(host_text());
  if (!is_ours) {
    WARREN_TRY_VOID(keep(now, kept));
  }
  std::string text = make_resolv_conf(config, host, kept);
  if (now.kind != Entry::Kind::File || now.content != text) WARREN_TRY_VOID(write(now, text));
  written_ = std::move(text);
  return {};
}

Result<bool> DnsFile::restore() {
  written_.reset();
  const auto kept = backup();
  if (!kept) return false;
  WARREN_TRY(const Entry now, look(path_));
  const bool is_ours =
      now.kind == Entry::Kind::File && writer_of(now.content) == ResolvConfWriter::Warren;
  // What others wrote since then is newer than what we kept.
  if (is_ours || now.kind == Entry::Kind::Nothing) WARREN_TRY_VOID(put_back(*kept, now));
  for (const std::string& path : places(now.is_mounted)) WARREN_TRY_VOID(remove_file(path));
  return true;
}

Result<void> DnsFile::put_back(const std::string& from, const Entry& now) const {
  WARREN_TRY(const Entry kept, look(from));
  const bool was_nothing = kept.kind == Entry::Kind::File && kept.content == kNothing;
  Result<void> done;
  if (now.is_mounted) {
    done = write_in_place(path_, was_nothing ? std::string_view() : std::string_view(kept.content));
  } else if (was_nothing) {
    done = remove_file(path_);
  } else if (kept.kind == Entry::Kind::Link) {
    done = replace_link(path_, kept.content);
  } else {
    done = io::replace_file(path_, kept.content, kept.mode);
  }
  if (!done) return with_context("put the host's resolv.conf back", std::move(done).error());
  return {};
}

bool DnsFile::holds() {
  return !written_ || read_through(path_) == *written_;
}

OsDnsBase DnsFile::base() const {
  const ResolvConf conf = parse_resolv_conf(host_text());
  OsDnsBase out = to_base(conf, host_.own);
  if (out.nameservers.empty()) out.nameservers.push_back(kLocalNameserver);
  return out;
}

std::vector<std::string> DnsFile::watched() const {
  // The file too: where it is mounted, its directory does not tell of it.
  std::vector<std::string> out{host_.root + "/etc", path_};
  const auto kept = backup();
  std::error_code error;
  const std::filesystem::path link = kept ? *kept : path_;
  if (const auto target = std::filesystem::read_symlink(link, error); !error) {
    const auto full = target.is_absolute() ? std::filesystem::path(host_.root + target.string())
                                           : (link.parent_path() / target).lexically_normal();
    out.push_back(full.parent_path().string());
  }
  return out;
}

}  // namespace warren::node
