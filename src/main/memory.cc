#include "main/memory.h"

#include <chrono>

#include <malloc.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace warren {

namespace asio = boost::asio;

namespace {

// After the start is the first quiet moment; later a wave of machines may have come and gone. A
// trim of what is trimmed already costs some microseconds.
constexpr std::chrono::seconds kFirst{5};
constexpr std::chrono::seconds kEvery{60};

}  // namespace

asio::awaitable<void> give_memory_back() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (std::chrono::seconds pause = kFirst;; pause = kEvery) {
    timer.expires_after(pause);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    malloc_trim(0);
  }
}

}  // namespace warren
