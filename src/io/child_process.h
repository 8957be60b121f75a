#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace warren::io {

inline constexpr std::size_t kMaxChildOutput =
    std::size_t{256} * 1024;  // what is beyond is thrown away

struct ChildOutcome {
  int status = 0;      // what it exited with; 128 and the signal when one ended it
  std::string output;  // of stdout and stderr together
};

// Runs another program to its end and blocks for as long, until the deadline at most: then it is
// killed, and the outcome is Errc::Timeout. `words`: the program, looked for in PATH when there is
// no slash in it, and its arguments. NotFound when there is no such program. It gets `input` on
// stdin, our environment, and none of our descriptors.
Result<ChildOutcome> run_program(const std::vector<std::string>& words,
                                 std::string_view input,
                                 TimePoint deadline);

}  // namespace warren::io
