#pragma once

#include <functional>
#include <iosfwd>

#include "base/log.h"
#include "base/result.h"
#include "plain/runner.h"

namespace warren::lab {
class Lab;
}

namespace warren::cli {

// What a command has of the world. main/ fills it with the real things, tests with their own, so a
// test of a command needs no process.
struct Context {
  std::ostream& out;
  std::ostream& err;

  using WhenReady = std::function<void(const plain::Ready&)>;
  std::function<Result<void>(const plain::RunOptions&, LogLevel, const WhenReady&)> run_wg;

  // Runs `work` in a process of its own, and returns 0 when that calls what it is given, or the
  // code with which it ends before (background.h).
  using Work = std::function<int(const std::function<void()>& ready)>;
  std::function<int(const Work&)> in_background;

  lab::Lab* lab = nullptr;

  int exit_code = 0;
};

inline constexpr int kFailed = 1;
inline constexpr int kBadUsage = 2;

}  // namespace warren::cli
