#include "e2e/program.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "crypto/system_random.h"

namespace warren::e2e {

namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

int parse_and_run(const Program& program, int argc, char** argv) {
  CLI::App app(program.description, program.name);
  program.add_options(app);
  app.footer(program.more);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  const Result<void> done = program.run();
  if (done) return 0;
  std::cerr << program.name << ": " << done.error().detail << '\n';
  return kFailed;
}

}  // namespace

int run_program(const Program& program, int argc, char** argv) {
  try {
    if (!init_crypto()) {
      std::cerr << program.name << ": the system has no source of randomness\n";
      return kFailed;
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    return parse_and_run(program, argc, argv);
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "%s: this is a bug, please report it: %s\n",
                                   program.name.c_str(), error.what()));
    return kFailed;
  }
}

}  // namespace warren::e2e
