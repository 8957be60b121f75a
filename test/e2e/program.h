#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace warren::e2e {

// What the mains of the test programs have in common.
struct Program {
  std::string name;
  std::string description;
  std::string more;  // at the end of the help: what it prints, an example
  std::function<void(CLI::App& app)> add_options;
  std::function<Result<void>()> run;  // once the options have their values
};

// Returns the exit status: 0, 1 when it fails, which it says on standard error, 2 when it was
// called wrongly. A peer that closes its end of a connection is an error code to the program.
int run_program(const Program& program, int argc, char** argv);

}  // namespace warren::e2e
