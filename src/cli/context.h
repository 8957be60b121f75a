#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "io/local_http_client.h"
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

  // Requests to the programs that run on this machine, over their Unix sockets
  // (io/local_http_client.h).
  using Call = std::function<Result<io::LocalResponse>(const std::string&, const io::LocalCall&)>;
  Call call = {};
  using OnLine = std::function<bool(std::string_view line)>;
  using Stream =
      std::function<Result<void>(const std::string&, const io::LocalCall&, const OnLine&)>;
  Stream stream = {};

  std::function<TimePoint()> now = {};
  std::function<WallTime()> wall_now = {};
  std::function<void(Duration)> sleep = {};

  Random* random = nullptr;  // for keys that are made here
  bool is_terminal = false;  // whether `out` is one

  std::string user = {};    // who runs the command; empty when unknown
  std::string socket = {};  // of --socket; empty: the socket that the program has by default

  int exit_code = 0;
};

inline constexpr int kFailed = 1;
inline constexpr int kBadUsage = 2;
inline constexpr int kUnreachable = 3;  // of `warren admin`: server.md section 7.7

}  // namespace warren::cli
