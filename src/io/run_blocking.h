#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.h"
#include "base/time.h"
#include "io/clock.h"

namespace warren::io {

// Threads for calls that block and cannot be told to stop: name service, UPnP, SQLite. Destroy it
// before the event loop whose tasks use it; that waits for the calls that run.
class BlockingPool {
 public:
  BlockingPool(std::size_t threads, std::size_t most_waiting)
      : limit_(threads + most_waiting), pool_(threads) {}

  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  ~BlockingPool() {
    pool_.stop();  // calls that still wait are dropped
    pool_.join();
  }

  // False, and nothing happens, when too many calls wait already.
  template <class Function>
  bool post(Function function) {
    if (jobs_.fetch_add(1) >= limit_) {
      jobs_.fetch_sub(1);
      return false;
    }
    boost::asio::post(pool_, [this, run = std::move(function)]() mutable {
      run();
      jobs_.fetch_sub(1);
    });
    return true;
  }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> jobs_ = 0;
  boost::asio::thread_pool pool_;
};

// Calls `function`, which returns a Result, on the pool and continues on the caller's executor,
// which must be a strand or a loop of one thread. When the deadline passes first, or the task is
// cancelled, the call goes on alone and its result is thrown away: `function` owns what it uses.
template <class Function>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives its callers
boost::asio::awaitable<std::invoke_result_t<Function&>> run_blocking(BlockingPool& pool,
                                                                     TimePoint deadline,
                                                                     Function function) {
  namespace asio = boost::asio;
  using Outcome = std::invoke_result_t<Function&>;

  struct Meeting {
    explicit Meeting(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    std::optional<Outcome> outcome;
  };

  const asio::any_io_executor home = co_await asio::this_coro::executor;
  const auto meeting = std::make_shared<Meeting>(home);
  // Far deadlines would overflow the timer's clock, and no such call takes a day.
  meeting->timer.expires_after(std::clamp<Duration>(deadline - boot_now(), 0ns, 24h));
  const bool posted = pool.post([meeting, home, run = std::move(function)]() mutable {
    auto outcome = std::make_shared<Outcome>(run());
    asio::post(home, [meeting = std::move(meeting), outcome] {
      meeting->outcome = std::move(*outcome);
      meeting->timer.cancel();
    });
  });
  if (!posted) co_return fail(Errc::Unavailable, "too many blocking calls at once");
  const auto [error] = co_await meeting->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (auto& outcome = meeting->outcome) co_return std::move(*outcome);
  if (error) co_return fail(Errc::Unavailable, "cancelled");
  co_return fail(Errc::Timeout, "no answer in time");
}

}  // namespace warren::io
