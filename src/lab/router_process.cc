#include "lab/router_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/clock.h"
#include "io/file.h"
#include "lab/process_handle.h"

namespace warren::lab {

namespace {

constexpr Duration kStartTime = 10s;  // it takes milliseconds
constexpr Duration kGrace = 2s;       // from SIGTERM to SIGKILL
constexpr Duration kEndTime = 5s;
constexpr std::string_view kReady = "ready\n";
constexpr std::size_t kMaxLog = std::size_t{1} << 20;

// F_SETLK takes the whole file, F_GETLK asks who has it.
struct flock whole_file() {
  struct flock out{};
  out.l_type = F_WRLCK;
  out.l_whence = SEEK_SET;
  return out;
}

Result<io::FileDescriptor> open_lock(const LabFiles& files) {
  const std::string path = files.router_lock();
  io::FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return unexpected(errno_error("open " + path, errno));
  return fd;
}

std::optional<pid_t> holder_of(int fd) {
  struct flock asked = whole_file();
  if (fcntl(fd, F_GETLK, &asked) != 0 || asked.l_type == F_UNLCK) return std::nullopt;
  return asked.l_pid;
}

int milliseconds_until(TimePoint deadline) {
  const auto left = deadline - io::boot_now();
  return left <= 0ns ? 0 : static_cast<int>(left / 1ms) + 1;
}

// What it said before it ended.
std::string last_words(const LabFiles& files) {
  auto text = io::read_file(files.log(), kMaxLog);
  if (!text || text->empty()) return "it said nothing";
  while (text->ends_with('\n')) text->pop_back();
  const std::size_t line = text->rfind('\n');
  return line == std::string::npos ? *text : text->substr(line + 1);
}

// Its session is its own, so a Ctrl-C is for us alone.
Result<pid_t> spawn(const LabFiles& files, const std::string& lab, int ready_pipe) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ready_pipe, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files.log().c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::array<std::string, 5> words{"warren", "lab", "--name", lab, "router"};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  pid_t out = 0;
  const int error =
      posix_spawn(&out, "/proc/self/exe", &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return unexpected(errno_error("start the lab's router", error));
  return out;
}

Result<void> wait_until_ready(const LabFiles& files, int pipe, const StopSignals& stop) {
  const TimePoint deadline = io::boot_now() + kStartTime;
  std::string said;
  while (said != kReady) {
    std::array<pollfd, 2> waits{{{.fd = pipe, .events = POLLIN, .revents = 0},
                                 {.fd = stop.fd(), .events = POLLIN, .revents = 0}}};
    const int ready = poll(waits.data(), waits.size(), milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return unexpected(errno_error("wait for the lab's router", errno));
    if (ready == 0) return fail(Errc::Timeout, "the lab's router does not become ready");
    if (waits[1].revents != 0) return fail(Errc::Unavailable, "interrupted");
    std::array<char, 16> buffer{};
    const ssize_t size = read(pipe, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0 || said.size() > kReady.size()) {
      return fail(Errc::Io, fmt::format("the lab's router ended: {}", last_words(files)));
    }
    said.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return {};
}

// The process that has the lock gets the signal, and is waited for until the deadline.
Result<void> stop_holder(int lock, pid_t process, int signal, TimePoint deadline) {
  if (process <= 0) {
    return fail(Errc::Unavailable,
                "the lab's router runs in another container: run `warren lab down` there");
  }
  const auto handle = ProcessHandle::open(process);
  // Only now is it sure that the number is still its own.
  if (!handle || holder_of(lock) != process) return {};
  handle->send(signal);
  handle->wait(milliseconds_until(deadline));
  return {};
}

}  // namespace

Result<RouterLock> RouterLock::take(const LabFiles& files) {
  WARREN_TRY(auto fd, open_lock(files));
  struct flock wanted = whole_file();
  if (fcntl(fd.get(), F_SETLK, &wanted) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return fail(Errc::AlreadyExists, "the router of this lab runs already");
    }
    return unexpected(errno_error("lock " + files.router_lock(), errno));
  }
  struct stat status{};
  if (fstat(fd.get(), &status) != 0 || status.st_nlink == 0) {
    return fail(Errc::NotFound, "the lab has been removed");
  }
  return RouterLock(std::move(fd));
}

std::optional<pid_t> find_router(const LabFiles& files) {
  const io::FileDescriptor fd(open(files.router_lock().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return fd.is_open() ? holder_of(fd.get()) : std::nullopt;
}

Result<void> start_router(const LabFiles& files, const std::string& lab, const StopSignals& stop) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return unexpected(errno_error("make a pipe", errno));
  const io::FileDescriptor read_end(ends[0]);
  io::FileDescriptor write_end(ends[1]);
  WARREN_TRY(const pid_t process, spawn(files, lab, write_end.get()));
  write_end.close();
  auto ready = wait_until_ready(files, read_end.get(), stop);
  if (!ready) {
    // Our own child: the number is its own until we have waited for it.
    kill(process, SIGKILL);
    while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return ready;
}

Result<RouterLock> end_router(const LabFiles& files) {
  const TimePoint began = io::boot_now();
  for (;;) {
    auto lock = RouterLock::take(files);
    if (lock || lock.error().code != Errc::AlreadyExists) return lock;
    const TimePoint now = io::boot_now();
    if (now > began + kEndTime) return fail(Errc::Unavailable, "the lab's router does not end");
    WARREN_TRY(const auto fd, open_lock(files));
    const auto process = holder_of(fd.get());
    if (!process) continue;  // has ended meanwhile
    const bool is_gentle = now < began + kGrace;
    WARREN_TRY_VOID(stop_holder(fd.get(), *process, is_gentle ? SIGTERM : SIGKILL,
                                began + (is_gentle ? kGrace : kEndTime)));
  }
}

void tell_ready() {
  // Who waited may be gone, which is the same to us: the result does not matter.
  if (write(STDOUT_FILENO, kReady.data(), kReady.size()) < 0) {
  }
  const io::FileDescriptor null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (null.is_open()) dup2(null.get(), STDOUT_FILENO);
}

}  // namespace warren::lab
