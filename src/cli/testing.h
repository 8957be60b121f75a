#pragma once

#include <deque>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/context.h"
#include "cli/root.h"

namespace warren::cli {

// A program behind a Unix socket that answers what a test said, and a clock that only waiting
// moves.
class FakeProgram {
 public:
  // "POST /localapi/v0/start {…}", in order; streams too.
  std::vector<std::string> calls;
  std::vector<std::string> sockets;
  // What each stream brings, one stream after the other; then it is silent until its timeout.
  std::deque<std::vector<std::string>> streams;
  std::optional<Error> unreachable;
  TimePoint now = TimePoint(1h);
  std::vector<Duration> naps;
  SeededRandom random{1};

  // The answer to "GET /localapi/v0/prefs". The last one that was said for a call stays.
  void answer(const std::string& call, std::string body, unsigned status = 200) {
    answers_[call].push_back({.status = status, .content_type = "", .body = std::move(body)});
  }

  void connect(Context& context) {
    context.call = [this](const std::string& socket, const io::LocalCall& call) {
      return on_call(socket, call);
    };
    context.stream = [this](const std::string& socket, const io::LocalCall& call,
                            const Context::OnLine& on_line) -> Result<void> {
      note(socket, call);
      if (unreachable) return unexpected(*unreachable);
      if (!streams.empty()) {
        const auto lines = std::move(streams.front());
        streams.pop_front();
        for (const std::string& line : lines) {
          if (!on_line(line)) return {};
        }
      }
      now += call.timeout;
      return fail(Errc::Timeout, "no answer");
    };
    context.now = [this] { return now; };
    context.wall_now = [] { return WallTime{.seconds = 1'800'000'000}; };
    context.sleep = [this](Duration span) {
      naps.push_back(span);
      now += span;
    };
    context.random = &random;
    context.user = "alice";
  }

 private:
  void note(const std::string& socket, const io::LocalCall& call) {
    sockets.push_back(socket);
    calls.push_back(call.method + " " + call.target + (call.body.empty() ? "" : " ") + call.body);
  }

  Result<io::LocalResponse> on_call(const std::string& socket, const io::LocalCall& call) {
    note(socket, call);
    if (unreachable) return unexpected(*unreachable);
    const auto found = answers_.find(call.method + " " + call.target);
    if (found == answers_.end()) return fail(Errc::Timeout, "the test said no answer");
    io::LocalResponse response = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return response;
  }

  std::map<std::string, std::deque<io::LocalResponse>> answers_;
};

// Runs command lines against a FakeProgram.
class CommandTest : public ::testing::Test {
 protected:
  CommandTest() { program.connect(context); }

  int run(std::vector<const char*> args) {
    args.insert(args.begin(), "warren");
    out.str("");
    err.str("");
    program.calls.clear();
    context.exit_code = 0;
    return cli::run(static_cast<int>(args.size()), args.data(), context);
  }

  FakeProgram program;
  std::ostringstream out;
  std::ostringstream err;
  Context context{.out = out, .err = err, .run_wg = {}, .in_background = {}};
};

}  // namespace warren::cli
