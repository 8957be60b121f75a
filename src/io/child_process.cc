#include "io/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/clock.h"
#include "io/file_descriptor.h"

namespace warren::io {

namespace {

constexpr int kSignalled = 128;  // as shells tell it

// A child that nobody waits for stays in the table of processes for ever, so this does.
class Child {
 public:
  Child(pid_t process, FileDescriptor handle) : process_(process), handle_(std::move(handle)) {}

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ~Child() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    wait();
  }

  int fd() const { return handle_.get(); }

  int wait() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = 0;
    return WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t process_;
  FileDescriptor handle_;
};

Result<FileDescriptor> file_with(std::string_view content) {
  FileDescriptor out(memfd_create("input", MFD_CLOEXEC));
  if (!out.is_open()) return unexpected(errno_error("make the input", errno));
  while (!content.empty()) {
    const ssize_t written = write(out.get(), content.data(), content.size());
    if (written < 0) return unexpected(errno_error("write the input", errno));
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (lseek(out.get(), 0, SEEK_SET) != 0) return unexpected(errno_error("rewind the input", errno));
  return out;
}

Result<pid_t> spawn_program(const std::vector<std::string>& words, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  arguments.reserve(copies.size() + 1);
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t out = 0;
  const int error =
      posix_spawnp(&out, arguments.front(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return unexpected(errno_error("start " + words.front(), error));
  return out;
}

// What is there now; false at the end.
bool read_some(int fd, std::string& to) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN;
    if (size == 0) return false;
    const auto room = kMaxChildOutput - to.size();
    to.append(buffer.data(), std::min(room, static_cast<std::size_t>(size)));
  }
}

int milliseconds_until(TimePoint deadline) {
  const Duration left = std::min<Duration>(deadline - boot_now(), 1h);
  return left <= 0ns ? 0 : static_cast<int>(left / 1ms) + 1;
}

}  // namespace

Result<ChildOutcome> run_program(const std::vector<std::string>& words,
                                 std::string_view input,
                                 TimePoint deadline) {
  if (words.empty()) return fail(Errc::InvalidArgument, "start a program: which one is not said");
  WARREN_TRY(const FileDescriptor in, file_with(input));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return unexpected(errno_error("make a pipe", errno));
  const FileDescriptor from(ends[0]);
  FileDescriptor to(ends[1]);
  // The child's end blocks as programs expect it; only ours does not.
  if (fcntl(from.get(), F_SETFL, O_NONBLOCK) != 0) {
    return unexpected(errno_error("read from a pipe", errno));
  }
  WARREN_TRY(const pid_t process, spawn_program(words, in.get(), to.get()));
  to.close();
  const auto handle = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  const int handle_error = errno;
  Child child(process, FileDescriptor(handle));
  if (handle < 0) return unexpected(errno_error("watch " + words.front(), handle_error));

  ChildOutcome out;
  bool is_talking = true;
  // Ends with the program: others that it started may have its output and go on.
  for (;;) {
    std::array<pollfd, 2> waits{
        {{.fd = child.fd(), .events = POLLIN, .revents = 0},
         {.fd = is_talking ? from.get() : -1, .events = POLLIN, .revents = 0}}};
    const int ready = poll(waits.data(), waits.size(), milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return unexpected(errno_error("wait for " + words.front(), errno));
    if (ready == 0) {
      return fail(Errc::Timeout, fmt::format("{} did not end in time", words.front()));
    }
    if (is_talking) is_talking = read_some(from.get(), out.output);
    if (waits[0].revents != 0) break;
  }
  if (is_talking) read_some(from.get(), out.output);
  out.status = child.wait();
  return out;
}

}  // namespace warren::io
