#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

#include <pwd.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/background.h"
#include "cli/context.h"
#include "cli/root.h"
#include "crypto/system_random.h"
#include "io/clock.h"
#include "io/local_http_client.h"
#include "lab/kernel_lab.h"
#include "plain/runner.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren

Result<void> run_wg(const plain::RunOptions& options,
                    LogLevel level,
                    const cli::Context::WhenReady& ready) {
  SystemRandom random;
  const io::SystemWallClock wall_clock;
  Log log = Log::to_stderr(level);
  return plain::run(options, random, wall_clock, log, ready);
}

// Empty when the system doesn't know.
std::string user_name() {
  const passwd* const entry = getpwuid(getuid());  // NOLINT(concurrency-mt-unsafe): the only thread
  return entry == nullptr ? std::string() : entry->pw_name;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (!init_crypto()) {
      std::cerr << "warren: the system has no source of randomness: is /dev/urandom there?\n";
      return cli::kFailed;
    }
    static_cast<void>(
        std::signal(SIGPIPE, SIG_IGN));  // a client of a socket that went away is an error code
    Log log = Log::to_stderr(LogLevel::Info);
    lab::KernelLab lab(log);
    SystemRandom random;
    cli::Context context{.out = std::cout,
                         .err = std::cerr,
                         .run_wg = run_wg,
                         .in_background = cli::run_in_background,
                         .lab = &lab,
                         .call = io::call_local,
                         .stream = io::stream_local,
                         .now = io::boot_now,
                         .wall_now = [] { return io::SystemWallClock().now(); },
                         .sleep = [](Duration span) { std::this_thread::sleep_for(span); },
                         .random = &random,
                         .is_terminal = isatty(STDOUT_FILENO) == 1,
                         .user = user_name()};
    return cli::run(argc, argv, context);
  } catch (const std::exception& error) {
    static_cast<void>(
        std::fprintf(stderr, "warren: this is a bug, please report it: %s\n", error.what()));
    return cli::kFailed;
  }
}
