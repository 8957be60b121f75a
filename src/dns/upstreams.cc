#include "dns/upstreams.h"

#include <array>
#include <cstring>
#include <utility>

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "io/socket_address.h"

namespace warren::dns {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLengthSize = 2;  // before each message on TCP (RFC 1035 section 4.2.2)

template <class Protocol>
typename Protocol::endpoint to_asio(const Endpoint& endpoint) {
  io::SocketAddress address;
  const socklen_t size = io::to_socket_address(endpoint, address);
  typename Protocol::endpoint out;
  std::memcpy(out.data(), &address, size);
  out.resize(size);
  return out;
}

}  // namespace

struct Upstreams::Attempt {
  Attempt(const asio::any_io_executor& executor, AskUpstream its_question)
      : asked(std::move(its_question)), by_udp(executor), by_tcp(executor) {}

  AskUpstream asked;
  std::uint16_t id = 0;
  bool is_over = false;
  udp::socket by_udp;  // one of the two is open
  tcp::socket by_tcp;
};

Upstreams::Upstreams(io::Tasks& tasks, std::uint32_t mark, Random& random, Events events)
    : tasks_(tasks), mark_(mark), random_(random), events_(std::move(events)) {}

Upstreams::~Upstreams() = default;

void Upstreams::ask(const asio::any_io_executor& executor, AskUpstream asked) {
  const auto attempt = std::make_shared<Attempt>(executor, std::move(asked));
  attempts_.emplace(attempt->asked.attempt, attempt);
  attempt->id = static_cast<std::uint16_t>(random_.u32());
  set_id(attempt->asked.message, attempt->id);
  if (!open(*attempt)) return fail(attempt);
  if (attempt->asked.transport == Transport::Udp) {
    tasks_.spawn("dns: upstream over UDP", ask_udp(attempt));
  } else {
    tasks_.spawn("dns: upstream over TCP", ask_tcp(attempt));
  }
}

void Upstreams::cancel(AttemptId attempt) {
  const auto found = attempts_.find(attempt);
  if (found == attempts_.end()) return;
  const AttemptPointer ended = std::move(found->second);
  attempts_.erase(found);
  ended->is_over = true;
  error_code ignored;
  ended->by_udp.close(ignored);
  ended->by_tcp.close(ignored);
}

void Upstreams::cancel_all() {
  while (!attempts_.empty()) cancel(attempts_.begin()->first);
}

bool Upstreams::open(Attempt& attempt) {
  const Upstream& upstream = attempt.asked.upstream;
  const auto prepare = [&](auto& socket, auto protocol) {
    error_code error;
    socket.open(protocol, error);
    if (error) return false;
    const auto mark = static_cast<int>(upstream.is_in_overlay ? 0 : mark_);
    return mark == 0 ||
           setsockopt(socket.native_handle(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
  };
  if (attempt.asked.transport == Transport::Tcp) {
    return prepare(attempt.by_tcp, to_asio<tcp>(upstream.endpoint).protocol());
  }
  const auto to = to_asio<udp>(upstream.endpoint);
  if (!prepare(attempt.by_udp, to.protocol())) return false;
  error_code error;
  attempt.by_udp.connect(to, error);
  if (!error) attempt.by_udp.non_blocking(true, error);
  if (!error) attempt.by_udp.send(asio::buffer(attempt.asked.message), 0, error);
  return !error;
}

asio::awaitable<void> Upstreams::ask_udp(AttemptPointer attempt) {
  // What is longer than we ask for is cut, and then not well-formed.
  std::vector<std::uint8_t> buffer(kMaxUdpMessage);
  while (!attempt->is_over) {
    const auto [error, size] = co_await attempt->by_udp.async_receive(asio::buffer(buffer), kAwait);
    if (attempt->is_over) co_return;
    if (error) co_return fail(attempt);
    accept(attempt, ByteView(buffer).first(size));
  }
}

asio::awaitable<void> Upstreams::ask_tcp(AttemptPointer attempt) {
  const auto [dial_error] = co_await attempt->by_tcp.async_connect(
      to_asio<tcp>(attempt->asked.upstream.endpoint), kAwait);
  if (attempt->is_over) co_return;
  if (dial_error) co_return fail(attempt);
  // One write: servers may want the length and the message in one segment (RFC 7766 section 8).
  std::vector<std::uint8_t> bytes(kLengthSize);
  store_be(bytes.data(), static_cast<std::uint16_t>(attempt->asked.message.size()));
  bytes.insert(bytes.end(), attempt->asked.message.begin(), attempt->asked.message.end());
  const auto [write_error, written] =
      co_await asio::async_write(attempt->by_tcp, asio::buffer(bytes), kAwait);
  if (attempt->is_over) co_return;
  if (write_error) co_return fail(attempt);
  while (!attempt->is_over) {
    std::array<std::uint8_t, kLengthSize> length{};
    const auto [length_error, length_size] =
        co_await asio::async_read(attempt->by_tcp, asio::buffer(length), kAwait);
    if (attempt->is_over) co_return;
    if (length_error) co_return fail(attempt);
    bytes.resize(load_be<std::uint16_t>(length.data()));
    const auto [read_error, read] =
        co_await asio::async_read(attempt->by_tcp, asio::buffer(bytes), kAwait);
    if (attempt->is_over) co_return;
    if (read_error) co_return fail(attempt);
    accept(attempt, bytes);
  }
}

void Upstreams::accept(const AttemptPointer& attempt, ByteView message) {
  if (message.size() < kHeaderSize || id_of(message) != attempt->id) {
    ++counters_.mismatched;
    return;
  }
  events_.on_reply(attempt->asked.attempt, message);
}

void Upstreams::fail(const AttemptPointer& attempt) {
  ++counters_.errors;
  events_.on_failed(attempt->asked.attempt);
}

}  // namespace warren::dns
