#include "lab/control_server.h"

#include <chrono>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "lab/command.h"

namespace warren::lab {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const asio::any_io_executor& executor,
                                                            const std::string& path,
                                                            Router& router,
                                                            io::Tasks& tasks) {
  WARREN_TRY(auto listener, io::UnixListener::listen(executor, path));
  std::unique_ptr<ControlServer> out(new ControlServer(std::move(listener), router, tasks));
  tasks.spawn("lab: accept on " + path, out->accept_clients());
  return out;
}

asio::awaitable<void> ControlServer::accept_clients() {
  while (true) {
    auto [error, socket] = co_await listener_.acceptor().async_accept(kAwait);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, for example: no reason to spin.
      asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::seconds(1));
      const auto [cancelled] = co_await pause.async_wait(kAwait);
      if (cancelled) co_return;
      continue;
    }
    if (clients_ == kMaxClients) continue;  // closes it
    ++clients_;
    tasks_.spawn("lab: serve a client", serve(std::move(socket)));
  }
}

asio::awaitable<void> ControlServer::serve(Socket socket) {
  std::string received;
  while (true) {
    const auto [error, size] = co_await asio::async_read_until(
        socket, asio::dynamic_buffer(received, kMaxLine), '\n', kAwait);
    if (error) break;  // gone, or the line is too long
    const std::string reply = answer(std::string_view(received).substr(0, size - 1));
    received.erase(0, size);
    const auto [failed, written] = co_await asio::async_write(socket, asio::buffer(reply), kAwait);
    if (failed) break;
  }
  --clients_;
}

std::string ControlServer::answer(std::string_view line) {
  const auto command = parse_command(line);
  if (!command) return format_reply(unexpected(command.error()));
  return format_reply(router_.perform(*command));
}

}  // namespace warren::lab
