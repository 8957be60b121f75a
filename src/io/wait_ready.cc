#include "io/wait_ready.h"

#include <algorithm>
#include <memory>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"

namespace warren::io {

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<bool> wait_ready(tcp::socket* socket,
                                 tcp::socket::wait_type what,
                                 TimePoint deadline) {
  // The timer cancels what waits on the socket. Shared: it may fire when this has ended already.
  struct Wait {
    explicit Wait(tcp::socket& its_socket)
        : socket(&its_socket), timer(its_socket.get_executor()) {}

    tcp::socket* socket;  // null: over
    asio::steady_timer timer;
  };

  const auto wait = std::make_shared<Wait>(*socket);
  // Far deadlines would overflow the timer's clock.
  wait->timer.expires_after(std::clamp<Duration>(deadline - boot_now(), 0ns, 24h));
  wait->timer.async_wait([wait](boost::system::error_code) {
    if (wait->socket == nullptr) return;
    boost::system::error_code ignored;
    wait->socket->cancel(ignored);
  });
  const auto [error] = co_await socket->async_wait(what, asio::as_tuple(asio::use_awaitable));
  wait->socket = nullptr;
  wait->timer.cancel();
  co_return !error;
}

}  // namespace warren::io
