#include "cli/background.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/context.h"
#include "io/file_descriptor.h"

namespace warren::cli {

namespace {

// No controlling terminal and none of its streams: whoever waits for their end gets it.
void leave_terminal() {
  setsid();
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, stream);
  close(null);
}

void tell(int pipe) {
  const char ready = 1;
  while (write(pipe, &ready, 1) < 0 && errno == EINTR) {
  }
}

int wait_for(pid_t child, int pipe) {
  char ready = 0;
  ssize_t got = 0;
  while ((got = read(pipe, &ready, 1)) < 0 && errno == EINTR) {
  }
  if (got == 1) return 0;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : kFailed;
}

int fail_to(const char* doing) {
  const Error error = errno_error(doing, errno);
  static_cast<void>(
      std::fprintf(stderr, "warren: go to the background: %s\n", error.detail.c_str()));
  return kFailed;
}

}  // namespace

int run_in_background(const std::function<int(const std::function<void()>& ready)>& work) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail_to("make a pipe");
  const io::FileDescriptor read_end(ends[0]);
  io::FileDescriptor write_end(ends[1]);
  static_cast<void>(std::fflush(nullptr));
  const pid_t child = fork();
  if (child < 0) return fail_to("start a process");
  if (child > 0) {
    write_end.close();
    return wait_for(child, read_end.get());
  }
  return work([&] {
    leave_terminal();
    tell(write_end.get());
    write_end.close();
  });
}

}  // namespace warren::cli
