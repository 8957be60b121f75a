#include "io/tcp_dial.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "io/clock.h"
#include "io/file_descriptor.h"
#include "io/socket_address.h"

namespace warren::io {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Far deadlines would overflow the timer's clock, and nothing here takes an hour.
Duration until(TimePoint deadline) {
  return std::clamp<Duration>(deadline - boot_now(), 0ns, 1h);
}

tcp::endpoint to_asio(const Endpoint& endpoint) {
  SocketAddress address;
  const socklen_t size = to_socket_address(endpoint, address);
  tcp::endpoint out;
  std::memcpy(out.data(), &address, size);
  out.resize(size);
  return out;
}

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

Result<void> apply(const TcpOptions& options, int fd) {
  const bool plain =
      set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
      (options.unsent_bytes == 0 ||
       set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options.unsent_bytes))) &&
      (options.user_timeout == 0ns ||
       set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout / 1ms)));
  if (!plain) return unexpected(errno_error("set TCP options", errno));
  if (options.mark != 0 && !set_option(fd, SOL_SOCKET, SO_MARK, static_cast<int>(options.mark))) {
    return unexpected(errno_error("mark a socket", errno));
  }
  return {};
}

// The targets of one family, tried one after the other.
struct Lane {
  std::vector<Endpoint> targets;
  std::size_t next = 0;
  std::optional<tcp::socket> socket;
  TimePoint started;
};

// Shared with the handlers of the connects, which may run after the one who waits has gone.
struct Race {
  explicit Race(const asio::any_io_executor& on) : executor(on), decided(on) {}

  asio::any_io_executor executor;
  asio::steady_timer decided;  // cancelled when there is a winner or nobody runs
  std::array<Lane, 2> lanes;
  Lane* winner = nullptr;
  std::size_t running = 0;
  bool over = false;
  TimePoint won_at;
  TcpOptions options;
  Error failure{Errc::NotFound, "no address to connect to"};
};

void start_next(const std::shared_ptr<Race>& race, Lane& lane);

void on_connect(const std::shared_ptr<Race>& race, Lane& lane, const error_code& error) {
  --race->running;
  if (race->over) return;
  if (!error) {
    race->over = true;
    race->winner = &lane;
    race->won_at = boot_now();
  } else {
    race->failure = Error{
        Errc::Unavailable,
        fmt::format("connect to {}: {}", lane.targets[lane.next - 1].to_string(), error.message())};
    start_next(race, lane);
  }
  if (race->over || race->running == 0) race->decided.cancel();
}

void start_next(const std::shared_ptr<Race>& race, Lane& lane) {
  while (lane.next < lane.targets.size()) {
    const tcp::endpoint target = to_asio(lane.targets[lane.next++]);
    lane.socket.emplace(race->executor);
    error_code error;
    lane.socket->open(target.protocol(), error);
    if (!error) lane.socket->non_blocking(true, error);
    if (error) {
      race->failure = Error{Errc::Io, fmt::format("open a TCP socket: {}", error.message())};
      continue;
    }
    if (auto applied = apply(race->options, lane.socket->native_handle()); !applied) {
      race->failure = std::move(applied).error();
      continue;
    }
    lane.started = boot_now();
    ++race->running;
    lane.socket->async_connect(
        target, [race, &lane](const error_code& outcome) { on_connect(race, lane, outcome); });
    return;
  }
}

}  // namespace

asio::awaitable<Result<DialedTcp>> dial_tcp(std::vector<Endpoint> targets,
                                            TcpOptions options,
                                            TimePoint deadline) {
  const auto race = std::make_shared<Race>(co_await asio::this_coro::executor);
  race->options = options;
  for (const Endpoint& target : targets) {
    race->lanes[target.address.is_v6() ? 0 : 1].targets.push_back(target);
  }
  race->decided.expires_after(until(deadline));
  for (Lane& lane : race->lanes) start_next(race, lane);
  bool cancelled = false;
  if (race->running > 0) {
    const auto [error] = co_await race->decided.async_wait(asio::as_tuple(asio::use_awaitable));
    cancelled = error && !race->over && race->running > 0;
    if (!error) {
      race->failure = Error{Errc::Timeout, fmt::format("connect to {}: no answer in time",
                                                       targets.front().to_string())};
    }
  }
  race->over = true;
  for (Lane& lane : race->lanes) {
    if (&lane != race->winner && lane.socket) {
      error_code ignored;
      lane.socket->close(ignored);
    }
  }
  if (cancelled) co_return fail(Errc::Unavailable, "cancelled");
  Lane* const winner = race->winner;
  if (winner == nullptr) co_return unexpected(std::move(race->failure));
  DialedTcp out{.socket = std::move(*winner->socket), .round_trip = race->won_at - winner->started};
  co_return out;
}

bool is_local_address(const Endpoint& address) {
  Endpoint any_port = address;
  any_port.port = 0;
  SocketAddress wanted;
  const socklen_t size = to_socket_address(any_port, wanted);
  const int family = address.address.is_v6() ? AF_INET6 : AF_INET;
  const FileDescriptor probe(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe.is_open()) return true;
  return bind(probe.get(), reinterpret_cast<const sockaddr*>(&wanted), size) == 0 ||
         errno != EADDRNOTAVAIL;
}

std::optional<Endpoint> local_address(const tcp::socket& socket) {
  error_code error;
  const tcp::endpoint local = socket.local_endpoint(error);
  if (error) return std::nullopt;
  return from_socket_address({reinterpret_cast<const std::uint8_t*>(local.data()), local.size()});
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<Result<void>> wait_ready(tcp::socket& socket,
                                         tcp::socket::wait_type what,
                                         TimePoint deadline) {
  struct Meeting {
    explicit Meeting(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    std::optional<error_code> outcome;
  };

  const auto meeting = std::make_shared<Meeting>(co_await asio::this_coro::executor);
  meeting->timer.expires_after(until(deadline));
  socket.async_wait(what, [meeting](const error_code& outcome) {
    meeting->outcome = outcome;
    meeting->timer.cancel();
  });
  const auto [error] = co_await meeting->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!meeting->outcome) {
    error_code ignored;
    socket.cancel(ignored);
    if (error) co_return fail(Errc::Unavailable, "cancelled");
    co_return fail(Errc::Timeout, "no answer in time");
  }
  if (*meeting->outcome) co_return fail(Errc::Unavailable, meeting->outcome->message());
  co_return Result<void>{};
}

}  // namespace warren::io
