#include "lab/enter_host.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "io/file_descriptor.h"
#include "lab/net_namespace.h"

namespace warren::lab {

namespace {

Result<void> enter_network(const std::string& path) {
  const io::FileDescriptor network(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!network.is_open() || setns(network.get(), CLONE_NEWNET) != 0) {
    return unexpected(errno_error("enter network namespace " + path, errno));
  }
  return {};
}

// A machine without the file needs no other one.
Result<void> cover(const std::string& with, const char* file) {
  if (mount(with.c_str(), file, "none", MS_BIND, nullptr) == 0 || errno == ENOENT) return {};
  return unexpected(errno_error(std::string("replace ") + file, errno));
}

// Names and mounts of this process and its children alone.
Result<void> become(const LabFiles& files, const Machine& machine) {
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0) {
    return unexpected(errno_error("leave the machine's own names and mounts", errno));
  }
  if (sethostname(machine.name.data(), machine.name.size()) != 0) {
    return unexpected(errno_error("set the host's name", errno));
  }
  // What is mounted outside still appears here, and nothing from here there.
  if (mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0) {
    return unexpected(errno_error("keep mounts apart", errno));
  }
  // /sys/class/net shows the network of whoever has mounted it; few look there.
  mount("sysfs", "/sys", "sysfs", 0, nullptr);
  WARREN_TRY_VOID(cover(files.etc(machine.name) + "/hosts", "/etc/hosts"));
  return cover(files.etc(machine.name) + "/resolv.conf", "/etc/resolv.conf");
}

// A proxy of the real network is out of reach in here.
void forget_proxies() {
  for (const char* const name : {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy",
                                 "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY"}) {
    unsetenv(name);
  }
}

}  // namespace

Error run_in_host(const LabFiles& files,
                  const std::string& lab,
                  const Machine& machine,
                  const std::vector<std::string>& command) {
  const auto network = enter_network(namespace_path(namespace_name(lab, machine.name)));
  if (!network) return network.error();
  const auto became = become(files, machine);
  if (!became) return became.error();
  forget_proxies();
  // An ignored signal would stay ignored in the command, which expects to begin without.
  static_cast<void>(std::signal(SIGPIPE, SIG_DFL));

  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  Error out = errno_error("run " + command.front(), error);
  out.code = error == ENOENT ? Errc::NotFound : Errc::Io;
  return out;
}

}  // namespace warren::lab
