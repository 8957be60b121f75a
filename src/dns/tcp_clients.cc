#include "dns/tcp_clients.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"
#include "io/socket_address.h"
#include "io/wait_ready.h"
#include "proto/dns/numbers.h"

namespace warren::dns {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLengthSize = 2;    // before each message (RFC 1035 section 4.2.2)
constexpr Duration kAcceptPause = 100ms;  // when there are no descriptors left

Endpoint endpoint_of(const tcp::socket& socket) {
  error_code error;
  const tcp::endpoint from = socket.remote_endpoint(error);
  if (error) return {};
  return io::from_socket_address(
             {static_cast<const std::uint8_t*>(static_cast<const void*>(from.data())), from.size()})
      .value_or(Endpoint{});
}

}  // namespace

struct TcpClients::Connection {
  Connection(tcp::socket its_socket, std::uint64_t its_number)
      : socket(std::move(its_socket)), number(its_number), source(endpoint_of(socket)) {}

  tcp::socket socket;
  std::uint64_t number;
  Endpoint source;
  std::vector<std::uint8_t> received;  // at most one request and what came with it
  std::vector<std::uint8_t> unsent;
  TimePoint last_used;
  bool is_writing = false;
  bool is_closed = false;
};

TcpClients::TcpClients(io::Tasks& tasks, const TcpClientLimits& limits, Events events)
    : tasks_(tasks), limits_(limits), events_(std::move(events)) {}

TcpClients::~TcpClients() = default;

void TcpClients::serve(const asio::any_io_executor& executor, io::FileDescriptor fd, bool is_v6) {
  const auto acceptor = std::make_shared<tcp::acceptor>(executor);
  error_code error;
  acceptor->assign(is_v6 ? tcp::v6() : tcp::v4(), fd.get(), error);
  if (error) return;
  static_cast<void>(fd.release());
  acceptors_.push_back(acceptor);
  tasks_.spawn("dns: accept", accept(acceptor));
}

asio::awaitable<void> TcpClients::accept(std::shared_ptr<tcp::acceptor> acceptor) {
  while (acceptor->is_open()) {
    auto [error, socket] = co_await acceptor->async_accept(kAwait);
    if (error == asio::error::operation_aborted || !acceptor->is_open()) co_return;
    if (!error) socket.non_blocking(true, error);
    if (error) {
      asio::steady_timer pause(acceptor->get_executor(), kAcceptPause);
      const auto [cancelled] = co_await pause.async_wait(kAwait);
      if (cancelled) co_return;
      continue;
    }
    ++counters_.accepted;
    make_room();
    const auto connection = std::make_shared<Connection>(std::move(socket), ++last_number_);
    connection->last_used = io::boot_now();
    connections_.emplace(connection->number, connection);
    tasks_.spawn("dns: client", read(connection));
  }
}

void TcpClients::make_room() {
  if (connections_.size() < limits_.connections) return;
  const auto oldest = std::ranges::min_element(
      connections_, {}, [](const auto& entry) { return entry.second->last_used; });
  ++counters_.evicted;
  const ConnectionPointer evicted = oldest->second;
  close(*evicted);
}

asio::awaitable<void> TcpClients::read(ConnectionPointer connection) {
  std::vector<std::uint8_t> buffer(kLengthSize + kMaxTcpRequest);
  while (!connection->is_closed) {
    error_code error;
    const std::size_t size = connection->socket.read_some(asio::buffer(buffer), error);
    if (!error) {
      auto& received = connection->received;
      received.insert(received.end(), buffer.begin(),
                      buffer.begin() + static_cast<std::ptrdiff_t>(size));
      if (!take_requests(*connection)) break;
      // Others have their turn.
      co_await asio::post(connection->socket.get_executor(), asio::use_awaitable);
      continue;
    }
    if (error != asio::error::would_block) break;
    const TimePoint deadline = connection->last_used + limits_.idle;
    const bool is_ready =
        co_await io::wait_ready(&connection->socket, tcp::socket::wait_read, deadline);
    if (is_ready || connection->is_closed) continue;
    // It may have been used since.
    if (io::boot_now() < connection->last_used + limits_.idle) continue;
    ++counters_.idle_closed;
    break;
  }
  close(*connection);
}

// False: this is not DNS.
bool TcpClients::take_requests(Connection& connection) {
  ByteView rest(connection.received);
  while (rest.size() >= kLengthSize && !connection.is_closed) {
    const std::size_t length = load_be<std::uint16_t>(rest.data());
    if (length < kHeaderSize || length > kMaxTcpRequest) {
      ++counters_.refused;
      return false;
    }
    if (rest.size() < kLengthSize + length) break;
    connection.last_used = io::boot_now();
    events_.on_query(connection.number, connection.source, rest.subspan(kLengthSize, length));
    rest = rest.subspan(kLengthSize + length);
  }
  auto& received = connection.received;
  received.erase(received.begin(), received.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return true;
}

void TcpClients::reply(std::uint64_t number, ByteView message) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  const ConnectionPointer connection = found->second;
  auto& unsent = connection->unsent;
  if (unsent.size() + kLengthSize + message.size() > limits_.unsent_bytes) {
    ++counters_.slow_readers;
    return close(*connection);
  }
  const std::size_t before = unsent.size();
  unsent.resize(before + kLengthSize);
  store_be(&unsent[before], static_cast<std::uint16_t>(message.size()));
  unsent.insert(unsent.end(), message.begin(), message.end());
  connection->last_used = io::boot_now();
  if (connection->is_writing) return;
  send(*connection);
  if (connection->is_closed || unsent.empty()) return;
  connection->is_writing = true;
  tasks_.spawn("dns: answers", write(connection));
}

// As much as the socket takes.
void TcpClients::send(Connection& connection) {
  auto& unsent = connection.unsent;
  while (!unsent.empty()) {
    error_code error;
    const std::size_t size = connection.socket.write_some(asio::buffer(unsent), error);
    if (error == asio::error::would_block) return;
    if (error) return close(connection);
    unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

// One that takes nothing becomes idle, and is closed by its reader.
asio::awaitable<void> TcpClients::write(ConnectionPointer connection) {
  while (!connection->is_closed && !connection->unsent.empty()) {
    const auto [error] = co_await connection->socket.async_wait(tcp::socket::wait_write, kAwait);
    if (connection->is_closed) co_return;
    if (!error) send(*connection);
  }
  connection->is_writing = false;
}

void TcpClients::close(Connection& connection) {
  if (connection.is_closed) return;
  connection.is_closed = true;
  error_code ignored;
  connection.socket.close(ignored);
  connections_.erase(connection.number);
  events_.on_gone(connection.number);
}

void TcpClients::close_all() {
  for (const auto& acceptor : acceptors_) {
    error_code ignored;
    acceptor->close(ignored);
  }
  while (!connections_.empty()) {
    const ConnectionPointer connection = connections_.begin()->second;
    close(*connection);
  }
}

}  // namespace warren::dns
