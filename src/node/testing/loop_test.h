#pragma once

#include <csignal>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/result.h"
#include "io/clock.h"
#include "io/spawn.h"

namespace warren::node::testing {

// Both ends in one loop. Waits are for what happens, with a limit that only a failure reaches.
struct LoopTest : ::testing::Test {
  static void SetUpTestSuite() { WARREN_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR); }

  template <class Predicate>
  [[nodiscard]] bool until(Predicate is_so) {
    const TimePoint limit = io::boot_now() + 20s;
    while (!is_so()) {
      if (io::boot_now() > limit) return false;
      loop.restart();
      loop.run_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  // Runs the loop until the task has ended.
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    const auto out = std::make_shared<std::optional<T>>();
    const auto keep = [](auto inner, auto to) -> boost::asio::awaitable<void> {
      to->emplace(co_await std::move(inner));
    };
    io::spawn(loop.get_executor(), Log::nowhere(), "test", keep(std::move(task), out));
    WARREN_CHECK(until([&] { return out->has_value(); }));
    return std::move(**out);
  }

  void run(boost::asio::awaitable<void> task) {
    const auto with_value = [](boost::asio::awaitable<void> inner) -> boost::asio::awaitable<bool> {
      co_await std::move(inner);
      co_return true;
    };
    EXPECT_TRUE(run(with_value(std::move(task))));
  }

  boost::asio::io_context loop;
};

}  // namespace warren::node::testing
