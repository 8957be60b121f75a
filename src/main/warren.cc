#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include "base/log.h"
#include "cli/background.h"
#include "cli/context.h"
#include "cli/root.h"
#include "crypto/system_random.h"
#include "io/clock.h"
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
    cli::Context context{.out = std::cout,
                         .err = std::cerr,
                         .run_wg = run_wg,
                         .in_background = cli::run_in_background,
                         .lab = &lab};
    return cli::run(argc, argv, context);
  } catch (const std::exception& error) {
    static_cast<void>(
        std::fprintf(stderr, "warren: this is a bug, please report it: %s\n", error.what()));
    return cli::kFailed;
  }
}
