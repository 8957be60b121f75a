#include "io/listener.h"

#include <algorithm>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "io/clock.h"
#include "io/http_response.h"
#include "io/socket_address.h"
#include "io/wait_ready.h"

namespace warren::io {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr int kBacklog = 4096;  // a wave of clients; the system may allow less
constexpr std::size_t kReadSize = 4096;

Endpoint endpoint_of(const tcp::endpoint& endpoint) {
  return from_socket_address(
             {reinterpret_cast<const std::uint8_t*>(endpoint.data()), endpoint.size()})
      .value_or(Endpoint());
}

// As PrefixLimiter has it.
IpAddress prefix_of(const IpAddress& source) {
  return IpPrefix(source, source.is_v6() ? 48 : 24).address();
}

Result<tcp::acceptor> make_acceptor(const asio::any_io_executor& executor,
                                    const Endpoint& endpoint) {
  SocketAddress address;
  const socklen_t size = to_socket_address(endpoint, address);
  tcp::endpoint local;
  local.resize(size);
  std::memcpy(local.data(), &address, size);
  tcp::acceptor out(executor);
  boost::system::error_code error;
  out.open(local.protocol(), error);
  if (!error) out.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address.is_v6()) out.set_option(asio::ip::v6_only(true), error);
  if (!error) out.bind(local, error);
  if (!error) out.listen(kBacklog, error);
  if (error) {
    return unexpected(
        errno_error(fmt::format("listen on {}", endpoint.to_string()), error.value()));
  }
  return out;
}

}  // namespace

// Counts a connection as pending while it lives. Its descriptor outlives it.
class Listener::PendingSlot {
 public:
  PendingSlot(Listener& listener, int fd, const IpAddress& prefix) : listener_(&listener) {
    at_ = listener.pending_.insert(listener.pending_.end(), {fd, prefix, boot_now()});
    ++listener.pending_of_prefix_[prefix];
  }

  PendingSlot(const PendingSlot&) = delete;
  PendingSlot& operator=(const PendingSlot&) = delete;

  ~PendingSlot() { release(); }

  void release() {
    if (listener_ == nullptr) return;
    const auto count = listener_->pending_of_prefix_.find(at_->prefix);
    if (--count->second == 0) listener_->pending_of_prefix_.erase(count);
    listener_->pending_.erase(at_);
    listener_->room_.cancel();
    listener_ = nullptr;
  }

 private:
  Listener* listener_;
  std::list<Pending>::iterator at_;
};

Result<std::unique_ptr<Listener>> Listener::listen(const asio::any_io_executor& executor,
                                                   const Endpoint& endpoint,
                                                   ListenerKind kind,
                                                   const TlsServerContext* tls,
                                                   const ListenerOptions& options,
                                                   std::shared_ptr<const HttpRoutes> routes,
                                                   Random& random,
                                                   const Log& log) {
  WARREN_TRY(auto acceptor, make_acceptor(executor, endpoint));
  boost::system::error_code ignored;
  const Endpoint bound = endpoint_of(acceptor.local_endpoint(ignored));
  std::unique_ptr<Listener> out(
      new Listener(std::move(acceptor), bound, kind, tls, options, std::move(routes), random, log));
  out->tasks_.spawn("listener: accept on " + bound.to_string(), out->accept_connections());
  return out;
}

Listener::Listener(tcp::acceptor acceptor,
                   const Endpoint& endpoint,
                   ListenerKind kind,
                   const TlsServerContext* tls,
                   const ListenerOptions& options,
                   std::shared_ptr<const HttpRoutes> routes,
                   Random& random,
                   const Log& log)
    : acceptor_(std::move(acceptor)),
      endpoint_(endpoint),
      kind_(kind),
      tls_(tls),
      options_(options),
      routes_(std::move(routes)),
      prefixes_(options.prefix_interval, options.prefix_burst, random),
      room_(acceptor_.get_executor()),
      tasks_(acceptor_.get_executor(), log) {}

Listener::~Listener() = default;

void Listener::stop_accepting() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  room_.cancel();
}

asio::awaitable<void> Listener::stop() {
  stop_accepting();
  tasks_.cancel();
  co_await tasks_.wait();
}

asio::awaitable<void> Listener::accept_connections() {
  for (;;) {
    co_await wait_for_room();
    if (!acceptor_.is_open()) co_return;
    tcp::endpoint remote;
    auto [error, socket] = co_await acceptor_.async_accept(remote, kAwait);
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
    if (error && error != asio::error::connection_aborted) {
      // Out of descriptors, for example: no reason to spin.
      asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::seconds(1));
      const auto [cancelled] = co_await pause.async_wait(kAwait);
      if (cancelled) co_return;
    }
    if (error) continue;
    const Endpoint source = endpoint_of(remote);
    if (!admit(source.address)) continue;
    ++counters_.accepted;
    tasks_.spawn("listener: serve a connection", serve(std::move(socket), source));
  }
}

asio::awaitable<void> Listener::wait_for_room() {
  while (acceptor_.is_open() && pending_.size() >= options_.pending) {
    const Duration rest = pending_.front().since + options_.pending_time - boot_now();
    if (rest <= Duration::zero()) co_return;
    room_.expires_after(rest);
    co_await room_.async_wait(kAwait);
  }
}

// Makes room for one more that is pending.
bool Listener::admit(const IpAddress& source) {
  const auto same_prefix = pending_of_prefix_.find(prefix_of(source));
  if (!prefixes_.allow(source, boot_now()) ||
      (same_prefix != pending_of_prefix_.end() &&
       same_prefix->second >= options_.pending_per_prefix)) {
    ++counters_.refused_prefix;
    return false;
  }
  if (pending_.size() >= options_.pending) {
    // Its task sees the end of the stream, and ends. Until then it is not the oldest any more.
    ++counters_.evicted;
    shutdown(pending_.front().fd, SHUT_RDWR);
    pending_.splice(pending_.end(), pending_, pending_.begin());
  }
  return true;
}

// Waits for its turn (the handshakes are the work), then performs the handshake. Null when there is
// no connection any more.
asio::awaitable<std::unique_ptr<ByteStream>> Listener::open(tcp::socket socket) {
  if (kind_ != ListenerKind::Tls) co_return make_plain_stream(std::move(socket));
  const TimePoint now = boot_now();
  const TimePoint turn =
      handshakes_.reserve(options_.handshake_interval, options_.handshake_burst, now);
  if (turn > now) {
    if (turn - now > options_.tls_timeout) {
      ++counters_.refused_waiting;
      co_return nullptr;
    }
    asio::steady_timer timer(co_await asio::this_coro::executor, turn - now);
    const auto [cancelled] = co_await timer.async_wait(kAwait);
    if (cancelled) co_return nullptr;
  }
  auto stream = co_await accept_tls(tls_, std::move(socket), boot_now() + options_.tls_timeout);
  if (!stream) {
    ++counters_.failed_handshakes;
    co_return nullptr;
  }
  if (*stream == nullptr) ++counters_.challenges;
  co_return std::move(*stream);
}

asio::awaitable<void> Listener::serve(tcp::socket socket, Endpoint source) {
  std::unique_ptr<ByteStream> stream;  // first, so that its descriptor outlives the slot
  const int fd = socket.native_handle();
  PendingSlot slot(*this, fd, prefix_of(source.address));
  stream = co_await open(std::move(socket));
  std::vector<std::uint8_t> received;
  std::size_t requests = 0;
  TimePoint deadline = boot_now() + options_.http_timeout;
  while (stream) {
    auto head = parse_http_request(received);
    if (!head) {
      ++counters_.bad_requests;
      static_cast<void>(
          stream->write(as_bytes(http_response(400, "", "", {{"Connection", "close"}}))));
      break;
    }
    if (*head) {
      HttpConnection connection;
      connection.request = std::move((**head).request);
      received.erase(received.begin(),
                     received.begin() + static_cast<std::ptrdiff_t>((**head).size));
      const HttpRequest& request = connection.request;
      const auto [taker, page] = routes_->find(request.path(), kind_ == ListenerKind::Pages);
      if (taker != nullptr) {
        slot.release();
        connection.stream = std::move(stream);
        connection.received = std::move(received);
        connection.source = source;
        connection.is_tls = kind_ == ListenerKind::Tls;
        co_await (*taker)(std::move(connection));
        co_return;
      }
      ++counters_.pages;
      const bool is_last = !request.keeps_alive() || ++requests >= options_.requests;
      const bool is_answered =
          co_await answer(stream.get(), fit_response((*page)(request, source), request, is_last));
      if (!is_answered || is_last) break;
      deadline = boot_now() + options_.http_timeout;
      continue;
    }
    const std::size_t old = received.size();
    received.resize(old + kReadSize);
    const auto outcome = stream->read(MutableByteView(received).subspan(old));
    received.resize(old + outcome.bytes);
    if (outcome.status == ByteStream::Status::Done) continue;
    const bool is_ready = outcome.status != ByteStream::Status::Closed &&
                          co_await wait_ready(&stream->socket(),
                                              outcome.status == ByteStream::Status::WantRead
                                                  ? tcp::socket::wait_read
                                                  : tcp::socket::wait_write,
                                              deadline);
    if (!is_ready) {
      if (requests == 0) ++counters_.bad_requests;
      break;
    }
  }
  if (stream) stream->finish();
}

asio::awaitable<bool> Listener::answer(ByteStream* stream, std::string response) {
  const TimePoint deadline = boot_now() + options_.http_timeout;
  auto status = stream->write(as_bytes(response));
  while (status == ByteStream::Status::WantWrite) {
    const bool is_ready = co_await wait_ready(&stream->socket(), tcp::socket::wait_write, deadline);
    if (!is_ready) co_return false;
    status = stream->flush();
  }
  co_return status == ByteStream::Status::Done;
}

}  // namespace warren::io
