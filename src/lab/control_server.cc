#include "lab/control_server.h"

#include <chrono>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "lab/command.h"

namespace warren::lab {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadSize = 4096;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

class ControlServer::Client {
 public:
  explicit Client(Socket socket) : socket_(std::move(socket)) {}

  // With its newline; empty when the client is gone or has sent too much.
  asio::awaitable<std::string> read_line() {
    std::size_t end = received_.find('\n');
    while (end == std::string::npos && received_.size() < kMaxLine) {
      const bool is_more = co_await read_more();
      if (!is_more) co_return std::string();
      end = received_.find('\n');
    }
    if (end == std::string::npos) co_return std::string();
    std::string line = received_.substr(0, end + 1);
    received_.erase(0, end + 1);
    co_return line;
  }

  asio::awaitable<bool> write(std::string reply) {
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(reply), kAwait);
    co_return !error;
  }

 private:
  asio::awaitable<bool> read_more() {
    const std::size_t old = received_.size();
    received_.resize(old + kReadSize);
    const auto [error, got] =
        co_await socket_.async_read_some(asio::buffer(&received_[old], kReadSize), kAwait);
    received_.resize(old + got);
    co_return !error;
  }

  Socket socket_;
  std::string received_;
};

Result<std::unique_ptr<ControlServer>> ControlServer::listen(const asio::any_io_executor& executor,
                                                             const std::string& path,
                                                             Router& router,
                                                             io::Tasks& tasks) {
  WARREN_TRY(auto listener, io::UnixListener::listen(executor, path));
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(listener), router, tasks));
}

asio::awaitable<void> ControlServer::accept_clients() {
  while (listener_) {
    auto [error, socket] = co_await listener_->acceptor().async_accept(kAwait);
    if (error == asio::error::operation_aborted || !listener_) co_return;
    if (error) {
      // Out of descriptors, for example: no reason to spin.
      asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::seconds(1));
      const auto [cancelled] = co_await pause.async_wait(kAwait);
      if (cancelled) co_return;
      continue;
    }
    if (clients_ == kMaxClients) continue;  // closes it
    ++clients_;
    tasks_.spawn("lab: serve a client", serve(std::make_shared<Client>(std::move(socket))));
  }
}

asio::awaitable<void> ControlServer::serve(std::shared_ptr<Client> client) {
  while (true) {
    const std::string line = co_await client->read_line();
    if (line.empty()) break;
    const bool sent = co_await client->write(answer(line));
    if (!sent) break;
  }
  --clients_;
}

std::string ControlServer::answer(std::string_view line) {
  const auto command = parse_command(line);
  if (!command) return format_reply(unexpected(command.error()));
  return format_reply(router_.perform(*command));
}

}  // namespace warren::lab
