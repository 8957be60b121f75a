#include "relay/service.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"
#include "io/tcp_options.h"
#include "relay/http_pages.h"

namespace warren::relay {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// Written at once: four TLS records. More would keep probes waiting behind data for longer.
constexpr std::size_t kBatch = std::size_t{64} << 10;
// Of one connection before its receivers are written to: their packets are still in the cache.
constexpr std::size_t kFlushAfter = std::size_t{64} << 10;
// Of one connection before others have their turn.
constexpr std::size_t kReadBudget = std::size_t{256} << 10;
// Clients come back at no more than half the rate at which a listener takes them (demand R11).
constexpr Duration kRestartSpreadPerClient = 4ms;
constexpr Duration kLeastRestartSpread = 100ms;
constexpr Duration kMostRestartSpread = 30s;
constexpr Duration kRestartTryFor = 60s;

}  // namespace

struct Service::Session {
  std::unique_ptr<io::ByteStream> stream;
  ConnectionId id;
  bool is_waiting_to_write = false;
  TimePoint waiting_since;
  bool is_closed = false;
};

Service::Service(const asio::any_io_executor& executor,
                 RelayPrivateKey key,
                 const ServiceOptions& options,
                 Random& random,
                 Log log)
    : options_(options),
      log_(std::move(log)),
      hub_(std::move(key), options.limits, random),
      batch_(kBatch),
      tasks_(executor, log_) {
  tasks_.spawn("relay: deadlines", keep_time());
}

Service::~Service() = default;

asio::awaitable<void> Service::serve(io::HttpConnection connection) {
  std::unique_ptr<io::ByteStream> stream = std::move(connection.stream);
  const Upgrade upgrade = upgrade_of(connection.request);
  if (upgrade == Upgrade::None) {
    ++counters_.upgrades_refused;
    static_cast<void>(stream->write(as_bytes(upgrade_required())));
    stream->finish();
    co_return;
  }
  const auto id = hub_.on_connected(io::boot_now(), actions_);
  if (!id) co_return;
  io::set_relay_options(stream->socket());
  const auto session = std::make_shared<Session>();
  session->stream = std::move(stream);
  session->id = *id;
  sessions_.emplace(*id, session);
  if (upgrade == Upgrade::Plain) {
    // Together with the first frame: a flight and a record less.
    const std::string response = switching_protocols(hub_.public_key());
    std::ranges::copy(response, batch_.begin());
    const auto rest_of_batch = MutableByteView(batch_).subspan(response.size());
    const std::size_t size = hub_.fill(*id, rest_of_batch, io::boot_now());
    static_cast<void>(
        has_taken(session, session->stream->write(ByteView(batch_).first(response.size() + size))));
  }
  accept(*session, connection.received);
  connection = {};  // it may live for weeks
  perform();
  co_await run(session);
  // The connection may have ended in the middle of a batch for others.
  session->is_closed = true;
  hub_.on_closed(*id, actions_);
  sessions_.erase(*id);
  session->stream.reset();
  perform();
}

asio::awaitable<void> Service::run(SessionPointer session) {
  while (!session->is_closed) {
    WaitType wait_for = tcp::socket::wait_read;
    const Receive received = receive(*session, wait_for);
    if (received == Receive::Ended || session->is_closed) co_return;
    if (received == Receive::GoOn) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    } else {
      const auto [error] = co_await session->stream->socket().async_wait(wait_for, kAwait);
      if (error) co_return;
    }
  }
}

// What came with the HTTP request.
void Service::accept(Session& session, ByteView bytes) {
  while (!bytes.empty()) {
    const MutableByteView buffer = hub_.receive_buffer(session.id, actions_);
    const std::size_t size = std::min(buffer.size(), bytes.size());
    if (size == 0) return;
    std::ranges::copy(bytes.first(size), buffer.begin());
    hub_.on_received(session.id, size, io::boot_now(), actions_);
    bytes = bytes.subspan(size);
  }
}

Service::Receive Service::receive(Session& session, WaitType& wait_for) {
  std::size_t received = 0;
  std::size_t not_flushed = 0;
  while (received < kReadBudget) {
    const MutableByteView buffer = hub_.receive_buffer(session.id, actions_);
    const auto outcome = buffer.empty() ? io::ByteStream::Outcome() : session.stream->read(buffer);
    switch (outcome.status) {
      case io::ByteStream::Status::Done:
        hub_.on_received(session.id, outcome.bytes, io::boot_now(), actions_);
        received += outcome.bytes;
        not_flushed += outcome.bytes;
        if (not_flushed >= kFlushAfter) {
          perform();
          not_flushed = 0;
        }
        if (session.is_closed) return Receive::Ended;
        break;
      case io::ByteStream::Status::WantRead:
      case io::ByteStream::Status::WantWrite:
        perform();
        hub_.on_receive_idle(session.id);
        wait_for = outcome.status == io::ByteStream::Status::WantRead ? tcp::socket::wait_read
                                                                      : tcp::socket::wait_write;
        return Receive::Wait;
      case io::ByteStream::Status::Closed:
        perform();
        return Receive::Ended;
    }
  }
  perform();
  return Receive::GoOn;
}

void Service::perform() {
  // What is performed here gives no new actions.
  for (const Action& action : actions_) {
    if (const auto* const wake = std::get_if<Wake>(&action)) {
      const auto found = sessions_.find(wake->connection);
      if (found != sessions_.end()) flush(found->second);
    } else if (const auto* const close = std::get_if<Close>(&action)) {
      const auto found = sessions_.find(close->connection);
      if (found == sessions_.end()) continue;
      log_.debug("relay: connection closed id={} reason={}", close->connection.value,
                 to_string(close->reason));
      close_session(*found->second);
    }
  }
  actions_.clear();
}

void Service::flush(const SessionPointer& session) {
  if (session->is_waiting_to_write || session->is_closed) return;
  while (has_taken(session, session->stream->flush())) {
    const std::size_t size = hub_.fill(session->id, batch_, io::boot_now());
    if (size == 0) return;
    if (!has_taken(session, session->stream->write(ByteView(batch_).first(size)))) return;
  }
}

// True when more can be written now. Otherwise flush() is called again when the socket takes more.
bool Service::has_taken(const SessionPointer& session, io::ByteStream::Status status) {
  if (status == io::ByteStream::Status::Done) return true;
  if (status == io::ByteStream::Status::Closed) {
    close_session(*session);
  } else {
    wait_to_write(session);
  }
  return false;
}

void Service::wait_to_write(const SessionPointer& session) {
  session->is_waiting_to_write = true;
  session->waiting_since = io::boot_now();
  session->stream->socket().async_wait(tcp::socket::wait_write,
                                       [this, session](boost::system::error_code error) {
                                         if (error || session->is_closed)
                                           return;  // the service may be gone
                                         session->is_waiting_to_write = false;
                                         flush(session);
                                       });
}

// Its task ends, and does the rest.
void Service::close_session(Session& session) const {
  session.is_closed = true;
  if (!session.stream) return;
  boost::system::error_code ignored;
  session.stream->socket().cancel(ignored);
}

asio::awaitable<void> Service::keep_time() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (true) {
    timer.expires_after(options_.tick);
    const auto [error] = co_await timer.async_wait(kAwait);
    if (error) co_return;
    const TimePoint now = io::boot_now();
    hub_.on_timeout(now, actions_);
    perform();
    check_writers(now);
  }
}

void Service::check_writers(TimePoint now) {
  for (const auto& [id, session] : sessions_) {
    if (session->is_closed || !session->is_waiting_to_write) continue;
    if (now - session->waiting_since < options_.write_timeout) continue;
    ++counters_.write_timeouts;
    close_session(*session);
  }
}

void Service::set_members(std::shared_ptr<const Members> members) {
  hub_.set_members(std::move(members), actions_);
  perform();
}

void Service::set_health(std::string problem) {
  hub_.set_health(std::move(problem), actions_);
  perform();
}

void Service::announce_restart() {
  const auto clients = static_cast<Duration::rep>(hub_.peers());
  hub_.restart(
      std::clamp(kRestartSpreadPerClient * clients, kLeastRestartSpread, kMostRestartSpread),
      kRestartTryFor, actions_);
  perform();
}

bool Service::is_writing() const {
  return std::ranges::any_of(
      sessions_, [](const auto& session) { return session.second->is_waiting_to_write; });
}

void Service::close() {
  for (const auto& [id, session] : sessions_) {
    if (session->is_closed) continue;
    session->stream->finish();
    close_session(*session);
  }
}

asio::awaitable<void> Service::stop() {
  tasks_.cancel();
  co_await tasks_.wait();
}

}  // namespace warren::relay
