#include "lab/named_namespace.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file_descriptor.h"
#include "io/link.h"
#include "lab/net_namespace.h"

namespace warren::lab {

namespace {

constexpr const char* kNames = "/run/netns";

// The directory of names is a mount that other mount namespaces share, else a name made here would
// be an empty file there, and one removed here would live on there.
Result<void> share_names() {
  if (mkdir(kNames, 0755) != 0 && errno != EEXIST) {
    return unexpected(errno_error("make /run/netns", errno));
  }
  const io::FileDescriptor directory(open(kNames, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // `ip netns` takes the same lock: two must not mount it over each other.
  if (!directory.is_open() || flock(directory.get(), LOCK_EX) != 0) {
    return unexpected(errno_error("lock /run/netns", errno));
  }
  if (mount("", kNames, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  const bool is_no_mount = errno == EINVAL;
  if (is_no_mount && mount(kNames, kNames, "none", MS_BIND | MS_REC, nullptr) == 0 &&
      mount("", kNames, "none", MS_SHARED | MS_REC, nullptr) == 0) {
    return {};
  }
  return unexpected(errno_error("share the mount /run/netns", errno));
}

Result<void> set_up_loopback() {
  WARREN_TRY(io::Netlink netlink, io::Netlink::open());
  WARREN_TRY(const io::Link loopback, io::find_link(netlink, "lo"));
  return io::set_link_state(netlink, loopback.index, io::LinkState::Up);
}

Result<void> give_name(const std::string& path) {
  WARREN_TRY(const auto visit, NamespaceVisit::create());
  if (mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0) {
    return unexpected(errno_error("mount a network namespace on " + path, errno));
  }
  return set_up_loopback();
}

}  // namespace

Result<void> add_namespace(const std::string& name) {
  WARREN_TRY_VOID(share_names());
  const std::string path = namespace_path(name);
  {
    const io::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
    if (!file.is_open()) return unexpected(errno_error("make " + path, errno));
  }
  auto named = give_name(path);
  if (!named) {
    if (auto removed = remove_namespace(name); !removed) {
      named.error().detail += "; and: " + removed.error().detail;
    }
  }
  return named;
}

Result<void> remove_namespace(const std::string& name) {
  const std::string path = namespace_path(name);
  // EINVAL: nothing is mounted there.
  if (umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
    return unexpected(errno_error("unmount " + path, errno));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return unexpected(errno_error("remove " + path, errno));
  }
  return {};
}

bool has_namespace(const std::string& name) {
  return access(namespace_path(name).c_str(), F_OK) == 0;
}

std::optional<NamespaceId> namespace_id(const std::string& path) {
  struct stat own{};
  struct stat found{};
  if (stat("/proc/self/ns/net", &own) != 0 || stat(path.c_str(), &found) != 0) return std::nullopt;
  if (found.st_dev != own.st_dev) return std::nullopt;  // a file on which nothing is mounted
  return NamespaceId{found.st_dev, found.st_ino};
}

}  // namespace warren::lab
