#include <iostream>
#include <string>

#include <CLI/App.hpp>

#include "base/log.h"
#include "e2e/program.h"
#include "lab/runner.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): the program is all Warren

constexpr const char* kMore =
    "Makes a TUN device in the network namespace of each host and carries packets between them, "
    "through\n"
    "emulated routers, NATs, firewalls and links. Needs root. Stop it with Ctrl-C or SIGTERM.\n"
    "\n"
    "Example, lab.json:\n"
    "  {\"routers\": {\"internet\": {},\n"
    "               \"home\": {\"behind\": \"internet\", \"addresses\": [\"192.168.1.1\"],\n"
    "                        \"nat\": {\"external\": [\"203.0.113.1\"]}}},\n"
    "   \"hosts\": {\"server\": {\"network\": \"ns1\", \"behind\": \"internet\",\n"
    "                        \"addresses\": [\"198.51.100.1/24\"]},\n"
    "             \"laptop\": {\"network\": \"ns2\", \"behind\": \"home\",\n"
    "                        \"addresses\": [\"192.168.1.10/24\"],\n"
    "                        \"link\": {\"delay\": \"10ms\", \"loss_percent\": 1}}}}\n"
    "\n"
    "Then:\n"
    "  ip netns add ns1; ip netns add ns2\n"
    "  warren-lab-router lab.json --control lab.sock\n"
    "  ip netns exec ns2 ping 198.51.100.1                     in another terminal\n"
    "  echo '{\"do\": \"counters\"}' | nc -NU lab.sock            commands: src/lab/command.h";

struct Arguments {
  std::string topology;
  std::string control;
  bool check = false;
};

Result<void> run(const Arguments& arguments) {
  WARREN_TRY(const auto topology, lab::load_topology(arguments.topology));
  if (arguments.check) {
    std::cout << arguments.topology << ": OK\n";
    return {};
  }
  Log log = Log::to_stderr(LogLevel::Info);
  return lab::run(topology, {.control_path = arguments.control}, log, [] {
    std::cerr << "warren-lab-router: ready\n" << std::flush;
  });
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  const e2e::Program program{
      .name = "warren-lab-router",
      .description = "A network with NATs and bad links between network namespaces.",
      .more = kMore,
      .add_options =
          [&](CLI::App& app) {
            app.add_option("topology", arguments.topology, "The file that describes it")
                ->type_name("FILE")
                ->required();
            app.add_option("--control", arguments.control, "Take commands on this Unix socket")
                ->type_name("PATH");
            app.add_flag("--check", arguments.check,
                         "Only read the file and say whether it is good");
          },
      .run = [&] { return run(arguments); }};
  return e2e::run_program(program, argc, argv);
}
