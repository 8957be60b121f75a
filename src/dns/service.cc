#include "dns/service.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"
#include "io/socket_address.h"
#include "io/spawn.h"

namespace warren::dns {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr int kBatch = 64;  // datagrams of one socket before others have their turn

}  // namespace

struct Service::State {
  struct Listener {
    explicit Listener(const asio::any_io_executor& executor) : socket(executor) {}

    udp::socket socket;
    Endpoint endpoint;
  };

  State(asio::any_io_executor runs_on,
        const ServiceOptions& options,
        Random& random,
        const Log& log);

  void listen(Sockets::Place place);
  asio::awaitable<void> keep_time();
  asio::awaitable<void> receive(std::size_t index);
  bool receive_one(std::size_t index);
  void send(const Reply& reply);
  void perform();
  void close();

  asio::any_io_executor executor;
  io::Tasks tasks;
  Resolver resolver;
  Actions actions;             // of the resolver, to be performed
  bool is_performing = false;  // what is performed may give more actions
  bool is_closed = false;
  Upstreams upstreams;
  TcpClients clients;
  std::vector<Listener> listeners;
  asio::steady_timer timer;
  TimePoint armed = kNever;  // when keep_time() wakes
  std::uint64_t unsent_replies = 0;
};

Service::State::State(asio::any_io_executor runs_on,
                      const ServiceOptions& options,
                      Random& random,
                      const Log& log)
    : executor(std::move(runs_on)),
      tasks(executor, log),
      resolver(options.limits),
      upstreams(tasks,
                options.mark,
                random,
                {.on_reply =
                     [this](AttemptId attempt, ByteView message) {
                       resolver.on_upstream_reply(attempt, message, actions);
                       perform();
                     },
                 .on_failed =
                     [this](AttemptId attempt) {
                       resolver.on_upstream_failed(attempt, io::boot_now(), actions);
                       perform();
                     }}),
      clients(tasks,
              options.tcp,
              {.on_query =
                   [this](std::uint64_t connection, const Endpoint& source, ByteView message) {
                     const Client client{
                         .transport = Transport::Tcp, .channel = connection, .source = source};
                     resolver.on_query(client, message, io::boot_now(), actions);
                     perform();
                   },
               .on_gone =
                   [this](std::uint64_t connection) {
                     resolver.on_client_gone(connection, actions);
                     perform();
                   }}),
      timer(executor) {
  tasks.spawn("dns: deadlines", keep_time());
}

void Service::State::listen(Sockets::Place place) {
  const bool is_v6 = place.endpoint.address.is_v6();
  Listener listener(executor);
  listener.endpoint = place.endpoint;
  error_code error;
  listener.socket.assign(is_v6 ? udp::v6() : udp::v4(), place.udp.get(), error);
  if (error) return;
  static_cast<void>(place.udp.release());
  listeners.push_back(std::move(listener));
  tasks.spawn("dns: queries", receive(listeners.size() - 1));
  if (place.tcp.is_open()) clients.serve(executor, std::move(place.tcp), is_v6);
}

asio::awaitable<void> Service::State::receive(std::size_t index) {
  while (!is_closed) {
    const auto [error] =
        co_await listeners[index].socket.async_wait(udp::socket::wait_read, kAwait);
    if (error == asio::error::operation_aborted) co_return;
    for (int i = 0; i < kBatch && receive_one(index); ++i) {
    }
    co_await asio::post(executor, asio::use_awaitable);
  }
}

// False: there is nothing more.
bool Service::State::receive_one(std::size_t index) {
  if (is_closed) return false;
  std::array<std::uint8_t, kMaxUdpMessage> buffer;
  sockaddr_storage from{};
  socklen_t from_size = sizeof from;
  const ssize_t size = recvfrom(listeners[index].socket.native_handle(), buffer.data(),
                                buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
  if (size < 0) return errno == EINTR;
  const auto source =
      io::from_socket_address({reinterpret_cast<const std::uint8_t*>(&from), from_size});
  if (!source) return true;
  const Client client{.transport = Transport::Udp, .channel = index, .source = *source};
  resolver.on_query(client, ByteView(buffer).first(static_cast<std::size_t>(size)), io::boot_now(),
                    actions);
  perform();
  return true;
}

void Service::State::perform() {
  if (is_performing) return;
  is_performing = true;
  while (!actions.empty()) {
    for (Action& action : std::exchange(actions, {})) {
      if (const auto* const reply = std::get_if<Reply>(&action)) {
        send(*reply);
      } else if (auto* const ask = std::get_if<AskUpstream>(&action)) {
        upstreams.ask(executor, std::move(*ask));
      } else {
        upstreams.cancel(std::get<Cancel>(action).attempt);
      }
    }
  }
  is_performing = false;
  if (resolver.next_timeout() < armed) timer.cancel();  // keep_time() looks again
}

void Service::State::send(const Reply& reply) {
  const Client& client = reply.client;
  if (client.transport == Transport::Tcp) return clients.reply(client.channel, reply.message);
  io::SocketAddress to;
  const socklen_t size = io::to_socket_address(client.source, to);
  const ssize_t sent =
      sendto(listeners[client.channel].socket.native_handle(), reply.message.data(),
             reply.message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), size);
  if (sent < 0) ++unsent_replies;
}

asio::awaitable<void> Service::State::keep_time() {
  while (!is_closed) {
    armed = resolver.next_timeout();
    // Far deadlines would overflow the timer's clock.
    timer.expires_after(std::clamp<Duration>(armed - io::boot_now(), 0ns, 24h));
    static_cast<void>(co_await timer.async_wait(kAwait));  // or somebody woke us
    if (is_closed) co_return;
    resolver.on_timeout(io::boot_now(), actions);
    perform();
  }
}

void Service::State::close() {
  is_closed = true;
  timer.cancel();
  for (Listener& listener : listeners) {
    error_code ignored;
    listener.socket.close(ignored);
  }
  clients.close_all();
  upstreams.cancel_all();
  tasks.cancel();
}

Service::Service(const asio::any_io_executor& executor,
                 Sockets sockets,
                 const ServiceOptions& options,
                 Random& random,
                 Log log)
    : state_(std::make_unique<State>(executor, options, random, log)) {
  auto places = sockets.take();
  state_->listeners.reserve(places.size());
  for (Sockets::Place& place : places) {
    if (!place.tcp.is_open()) {
      log.warn("dns: names are answered over UDP only: another program has the TCP port at={}",
               place.endpoint.to_string());
    }
    state_->listen(std::move(place));
  }
}

Service::~Service() {
  state_->close();
}

void Service::set_config(ResolverConfig config) {
  const auto is_own = [this](const Upstream& upstream) {
    return std::ranges::find(state_->listeners, upstream.endpoint, &State::Listener::endpoint) !=
           state_->listeners.end();
  };
  for (Route& route : config.routes) std::erase_if(route.upstreams, is_own);
  state_->resolver.set_config(config);
}

HostTable& Service::hosts() {
  return state_->resolver.hosts();
}

const ResolverCounters& Service::resolver_counters() const {
  return state_->resolver.counters();
}

const UpstreamCounters& Service::upstream_counters() const {
  return state_->upstreams.counters();
}

const TcpClientCounters& Service::tcp_counters() const {
  return state_->clients.counters();
}

std::uint64_t Service::unsent_replies() const {
  return state_->unsent_replies;
}

std::size_t Service::pending() const {
  return state_->resolver.pending();
}

std::size_t Service::connections() const {
  return state_->clients.size();
}

asio::awaitable<void> Service::stop() {
  state_->close();
  co_await state_->tasks.wait();
}

}  // namespace warren::dns
