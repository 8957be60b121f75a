#include "plain/uapi_server.h"

#include <cerrno>
#include <filesystem>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "base/secret.h"
#include "proto/uapi/reply.h"
#include "proto/uapi/request.h"

namespace warren::plain {

namespace asio = boost::asio;

namespace {

using Socket = asio::local::stream_protocol::socket;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadSize = 4096;

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  text.clear();
}

}  // namespace

// One connection. What it receives and sends holds keys: wiped after use, never reallocated.
class UapiServer::Client : public std::enable_shared_from_this<Client> {
 public:
  explicit Client(Socket socket) : socket_(std::move(socket)), timer_(socket_.get_executor()) {
    received_.reserve(uapi::kMaxRequestSize + kReadSize);
  }

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ~Client() { wipe_text(received_); }

  // Closes the connection unless it is called again in time.
  void extend_deadline() {
    timer_.expires_after(kDeadline);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto client = weak.lock();
      if (!error && client) client->close();
    });
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
  }

  // The next request with its empty line; empty when the client is gone or has sent too much.
  asio::awaitable<std::string_view> read_request() {
    auto size = uapi::request_size(received_);
    while (!size && received_.size() < uapi::kMaxRequestSize) {
      const bool is_more = co_await read_more();
      if (!is_more) co_return std::string_view();
      size = uapi::request_size(received_);
    }
    taken_ = size.value_or(0);
    co_return std::string_view(received_).substr(0, taken_);
  }

  // Forgets the request that was read.
  void drop_request() {
    const std::size_t rest = received_.size() - taken_;
    std::string_view(received_).substr(taken_).copy(received_.data(), rest);
    wipe({reinterpret_cast<std::uint8_t*>(received_.data()) + rest, taken_});
    received_.resize(rest);
    taken_ = 0;
  }

  asio::awaitable<bool> write(std::string answer) {
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(answer), kAwait);
    wipe_text(answer);
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
  asio::steady_timer timer_;
  std::string received_;
  std::size_t taken_ = 0;
};

std::string uapi_socket_path(const std::string& directory, const std::string& device) {
  return fmt::format("{}/{}.sock", directory, device);
}

Result<std::unique_ptr<UapiServer>> UapiServer::start(const asio::any_io_executor& executor,
                                                      const std::string& path,
                                                      UapiDevice& device,
                                                      io::Tasks& tasks) {
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(path).parent_path();
  std::error_code error;
  if (fs::create_directories(directory, error) && !error) {
    fs::permissions(directory, fs::perms::owner_all, error);
  }
  if (error) {
    return unexpected(
        errno_error(fmt::format("make {} (run as root)", directory.string()), error.value()));
  }
  WARREN_TRY(auto listener, io::UnixListener::listen(executor, path));
  std::unique_ptr<UapiServer> server(new UapiServer(std::move(listener), device, tasks));
  tasks.spawn("wg: accept on " + path, server->accept_clients());
  return server;
}

UapiServer::UapiServer(io::UnixListener listener, UapiDevice& device, io::Tasks& tasks)
    : listener_(std::move(listener)), device_(device), tasks_(tasks) {}

asio::awaitable<void> UapiServer::accept_clients() {
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
    if (clients_ == kMaxClients) {
      ++refused_;
      continue;
    }
    ++clients_;
    tasks_.spawn("wg: serve a client", serve(std::make_shared<Client>(std::move(socket))));
  }
}

asio::awaitable<void> UapiServer::serve(std::shared_ptr<Client> client) {
  while (true) {
    client->extend_deadline();
    const std::string_view request = co_await client->read_request();
    if (request.empty()) break;
    std::string answer = device_.answer(request);
    client->drop_request();
    client->extend_deadline();
    const bool sent = co_await client->write(std::move(answer));
    if (!sent) break;
  }
  client->close();
  --clients_;
}

}  // namespace warren::plain
