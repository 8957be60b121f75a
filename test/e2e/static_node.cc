#include <iostream>
#include <string>

#include <CLI/App.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "crypto/system_random.h"
#include "e2e/node.h"
#include "e2e/program.h"
#include "e2e/static_map.h"
#include "io/clock.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren

constexpr const char* kMore =
    "For tests: a node that is told by a file what a coordination server would tell it. Needs "
    "root.\n"
    "Prints one JSON object a line; the line \"status\" on standard input asks for another, and\n"
    "\"reload\" makes it read its peers again. Stop it with Ctrl-C or SIGTERM. The file:\n"
    "test/e2e/static_map.h.";

struct Arguments {
  std::string map;
  LogLevel level = LogLevel::Info;
};

void print(const boost::json::object& line) {
  std::cout << boost::json::serialize(line) << '\n' << std::flush;
}

Result<void> run(const Arguments& arguments) {
  WARREN_TRY(const e2e::StaticMap map, e2e::load_static_map(arguments.map));
  SystemRandom random;
  const io::SystemWallClock wall_clock;
  Log log = Log::to_stderr(arguments.level);
  e2e::Node node(random, wall_clock, log, print,
                 [&] { return e2e::load_static_map(arguments.map); });
  WARREN_TRY_VOID(node.start(map));
  return node.run();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  const auto set_level = [&](const std::string& text) {
    const LogLevel* const level = parse_log_level(text);
    if (level == nullptr) throw CLI::ValidationError("--log-level", "unknown: " + text);
    arguments.level = *level;
  };
  const e2e::Program program{
      .name = "warren-test-node",
      .description = "A node of the overlay, from a static map.",
      .more = kMore,
      .add_options =
          [&](CLI::App& app) {
            app.add_option("--config", arguments.map, "The file that tells it everything")
                ->type_name("FILE")
                ->required();
            app.add_option_function<std::string>("--log-level", set_level,
                                                 "trace, debug, info, warn or error")
                ->type_name("LEVEL");
          },
      .run = [&] { return run(arguments); }};
  return e2e::run_program(program, argc, argv);
}
