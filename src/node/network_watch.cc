#include "node/network_watch.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace warren::node {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kSettle{50};  // news of the network come in swarms

}  // namespace

Result<std::unique_ptr<NetworkWatch>> NetworkWatch::start(const asio::any_io_executor& executor,
                                                          std::uint32_t mark,
                                                          Log log,
                                                          Observer observer) {
  WARREN_TRY(auto monitor, io::NetworkMonitor::open({.excluded_link = 0, .mark = mark}));
  std::unique_ptr<NetworkWatch> out(
      new NetworkWatch(executor, std::move(monitor), std::move(log), std::move(observer)));
  if (auto state = out->monitor_.read()) out->state_ = std::move(*state);
  const int news = fcntl(out->monitor_.fd(), F_DUPFD_CLOEXEC, 0);  // Asio closes what it is given
  if (news < 0) return unexpected(errno_error("watch the network", errno));
  out->news_.assign(news);
  out->tasks_.spawn("node: network", out->follow());
  return out;
}

NetworkWatch::NetworkWatch(const asio::any_io_executor& executor,
                           io::NetworkMonitor monitor,
                           Log log,
                           Observer observer)
    : observer_(std::move(observer)),
      monitor_(std::move(monitor)),
      news_(executor),
      tasks_(executor, std::move(log)) {}

asio::awaitable<void> NetworkWatch::follow() {
  asio::steady_timer settle(news_.get_executor());
  while (true) {
    const auto [error] = co_await news_.async_wait(asio::posix::descriptor_base::wait_read, kAwait);
    if (error) co_return;
    while (monitor_.drain().more) {
    }
    settle.expires_after(kSettle);
    const auto [cancelled] = co_await settle.async_wait(kAwait);
    if (cancelled) co_return;
    auto state = monitor_.read();
    if (!state) continue;
    std::erase_if(state->addresses, [&](const io::LinkAddress& address) {
      return observer_.is_own(address.address);
    });
    if (*state == state_) continue;
    state_ = std::move(*state);
    observer_.changed();
  }
}

asio::awaitable<void> NetworkWatch::stop() {
  tasks_.cancel();
  co_await tasks_.wait();
}

}  // namespace warren::node
