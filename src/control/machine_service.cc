#include "control/machine_service.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control/upgrade.h"
#include "io/clock.h"
#include "io/http_response.h"
#include "io/tcp_options.h"
#include "proto/ts2021/handshake.h"

namespace warren::control {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadSize = std::size_t{16} << 10;    // four records
constexpr std::size_t kReadBudget = std::size_t{64} << 10;  // of one connection, then others
constexpr std::size_t kBatch = std::size_t{64} << 10;       // written at once: four TLS records

// Of a source as limits count it.
IpAddress prefix_of(const IpAddress& source) {
  return IpPrefix(source, source.is_v6() ? 64 : 32).address();
}

std::string busy() {
  return io::http_response(503, "text/plain; charset=utf-8", "the server takes no more now\n",
                           {{"Connection", "close"}, {"Retry-After", "5"}});
}

http2::Fields fields_of(const Respond& answer) {
  http2::Fields out;
  if (!answer.body.empty()) {
    const bool is_json = answer.status == 200;
    out.push_back({.name = "content-type",
                   .value = is_json ? "application/json" : "text/plain; charset=utf-8"});
  }
  if (answer.retry_after) {
    out.push_back({.name = "retry-after", .value = std::to_string(answer.retry_after->count())});
  }
  return out;
}

}  // namespace

struct MachineService::Connection {
  Connection(std::uint64_t number, const Caller& who, NoiseKeys keys, const SessionLimits& limits)
      : id(number), caller(who), session(std::move(keys), limits, io::boot_now()) {}

  std::uint64_t id;
  Caller caller;
  std::unique_ptr<io::ByteStream> stream;
  MachineSession session;
  std::map<http2::StreamId, RequestId> requests;
  bool is_waiting_to_write = false;
  TimePoint waiting_since;
  bool is_dirty = false;
  bool is_closed = false;
};

// Known while it lives: also when its task is cancelled.
class MachineService::Entry {
 public:
  Entry(MachineService& service, Pointer connection)
      : service_(service), connection_(std::move(connection)) {
    service_.enter(connection_);
  }

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  ~Entry() { service_.leave(connection_); }

 private:
  MachineService& service_;
  Pointer connection_;
};

MachineService::MachineService(const asio::any_io_executor& executor,
                               MachinePrivateKey key,
                               const MachineLimits& limits,
                               Random& random,
                               Owner& owner,
                               Log log)
    : limits_(limits),
      key_(std::move(key)),
      public_key_(key_.public_key()),
      random_(random),
      owner_(owner),
      log_(std::move(log)),
      received_(kReadSize),
      idle_(executor),
      tasks_(executor, log_) {
  idle_.expires_at(asio::steady_timer::time_point::max());
}

MachineService::~MachineService() = default;

void MachineService::start() {
  tasks_.spawn("control: deadlines of connections", keep_time());
}

asio::awaitable<void> MachineService::serve(io::HttpConnection connection) {
  const auto refuse = [&connection](std::string_view why) {
    static_cast<void>(connection.stream->write(as_bytes(why)));
    connection.stream->finish();
  };
  const auto upgrade = check_upgrade(connection.request);
  if (!upgrade) {
    ++counters_.refused_upgrades;
    refuse(upgrade.error());
    co_return;
  }
  if (is_stopping_ || connections_.size() >= limits_.connections) {
    ++counters_.refused_connections;
    refuse(busy());
    co_return;
  }
  const auto initiation = ts2021::decode_initiation(upgrade->initiation);
  auto accepted = ts2021::accept_handshake(*initiation, key_, random_);
  if (!accepted) {
    ++counters_.failed_handshakes;
    co_return;  // without a word (spec: control section 2.5)
  }
  const Caller caller{.machine = accepted->machine,
                      .version = accepted->version,
                      .address = connection.source.address};
  const bool is_member = owner_.is_member(caller.machine);
  if (!is_member && !admit(caller.address)) {
    ++counters_.refused_connections;
    refuse(busy());
    co_return;
  }
  ++counters_.accepted;
  io::set_control_options(connection.stream->socket());
  const auto served = std::make_shared<Connection>(++last_connection_, caller,
                                                   std::move(accepted->keys), limits_.session);
  served->stream = std::move(connection.stream);
  served->session.set_member(is_member);
  const Entry entry(*this, served);
  {
    // In one piece: a flight less, and the client needs no patience between them.
    const std::string head = switching_protocols();
    std::vector<std::uint8_t> hello(head.begin(), head.end());
    hello.insert(hello.end(), accepted->message.begin(), accepted->message.end());
    SessionNews none;
    WARREN_CHECK(served->session.take_output(hello, kBatch, io::boot_now(), none));
    static_cast<void>(has_taken(served, served->stream->write(hello)));
  }
  const std::vector<std::uint8_t> early = std::exchange(connection.received, {});
  if (!early.empty() && !take(served, early)) co_return;
  co_await run(served);
}

// Makes room for one more stranger.
bool MachineService::admit(const IpAddress& source) {
  const IpAddress prefix = prefix_of(source);
  const auto same = std::ranges::count_if(strangers_, [&](const auto& stranger) {
    return prefix_of(stranger.second->caller.address) == prefix;
  });
  if (static_cast<std::size_t>(same) >= limits_.strangers_per_source) return false;
  if (strangers_.size() >= limits_.strangers) {
    ++counters_.evicted;
    close(*strangers_.begin()->second);
    strangers_.erase(strangers_.begin());
  }
  return true;
}

void MachineService::enter(const Pointer& connection) {
  connections_.emplace(connection->id, connection);
  if (!connection->session.is_member()) strangers_.emplace(connection->id, connection);
}

void MachineService::leave(const Pointer& connection) {
  connection->is_closed = true;
  counters_.sessions.add(connection->session.counters());
  connections_.erase(connection->id);
  strangers_.erase(connection->id);
  connection->stream->finish();
  connection->stream.reset();
  for (const auto& [stream, request] : std::exchange(connection->requests, {})) {
    requests_.erase(request);
    owner_.on_request_gone(request);
  }
  if (connections_.empty()) idle_.cancel();
}

asio::awaitable<void> MachineService::run(Pointer connection) {
  while (!connection->is_closed) {
    const Received received = receive(connection);
    if (received == Received::Ended || connection->is_closed) co_return;
    if (received == Received::More) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    } else {
      const auto wait_for =
          received == Received::WantRead ? tcp::socket::wait_read : tcp::socket::wait_write;
      const auto [error] = co_await connection->stream->socket().async_wait(wait_for, kAwait);
      if (error) co_return;
    }
  }
}

MachineService::Received MachineService::receive(const Pointer& connection) {
  for (std::size_t received = 0; received < kReadBudget;) {
    const auto outcome = connection->stream->read(received_);
    switch (outcome.status) {
      case io::ByteStream::Status::Done:
        received += outcome.bytes;
        if (!take(connection, ByteView(received_).first(outcome.bytes))) return Received::Ended;
        break;
      case io::ByteStream::Status::WantRead:
        return Received::WantRead;
      case io::ByteStream::Status::WantWrite:
        return Received::WantWrite;
      case io::ByteStream::Status::Closed:
        return Received::Ended;
    }
  }
  return Received::More;
}

// False: the connection is at its end.
bool MachineService::take(const Pointer& connection, ByteView bytes) {
  SessionNews news;
  update_membership(*connection);
  const bool goes_on = connection->session.receive(bytes, io::boot_now(), news);
  if (!goes_on) ++counters_.broken;
  dispatch(connection, news);
  mark_dirty(connection);  // also to say why it ends
  flush();
  return goes_on && !connection->is_closed;
}

void MachineService::dispatch(const Pointer& connection, SessionNews& news) {
  for (SessionNews::Asked& asked : news.asked) {
    const RequestId id = owner_.new_request();
    requests_.emplace(id, Place{.connection = connection, .stream = asked.stream});
    connection->requests.emplace(asked.stream, id);
    owner_.on_request({.id = id,
                       .caller = connection->caller,
                       .method = std::move(asked.method),
                       .path = std::move(asked.path),
                       .body = std::move(asked.body)});
  }
  for (const http2::StreamId stream : news.gone) {
    const auto found = connection->requests.find(stream);
    if (found == connection->requests.end()) continue;
    const RequestId id = found->second;
    connection->requests.erase(found);
    requests_.erase(id);
    owner_.on_request_gone(id);
  }
  for (const http2::StreamId stream : news.drained) {
    const auto found = connection->requests.find(stream);
    if (found != connection->requests.end()) owner_.on_drained(found->second);
  }
}

void MachineService::update_membership(Connection& connection) {
  const bool is_member = owner_.is_member(connection.caller.machine);
  if (is_member == connection.session.is_member()) return;
  connection.session.set_member(is_member);
  // One that was a member is no stranger again: it may still have to say goodbye.
  if (is_member) strangers_.erase(connection.id);
}

const MachineService::Place* MachineService::find(RequestId request) const {
  const auto found = requests_.find(request);
  return found == requests_.end() ? nullptr : &found->second;
}

void MachineService::respond(const Respond& answer) {
  const Place* const found = find(answer.to);
  if (found == nullptr) return;
  const Place place = *found;
  place.connection->session.respond(place.stream, static_cast<std::uint16_t>(answer.status),
                                    fields_of(answer), {answer.body.begin(), answer.body.end()},
                                    io::boot_now());
  requests_.erase(answer.to);
  place.connection->requests.erase(place.stream);
  mark_dirty(place.connection);
}

void MachineService::open(const OpenStream& open) {
  const Place* const place = find(open.to);
  if (place == nullptr) return;
  place->connection->session.open(place->stream);
  mark_dirty(place->connection);
}

void MachineService::write(StreamData data) {
  const Place* const place = find(data.to);
  if (place == nullptr) return;
  place->connection->session.write(place->stream, std::move(data.bytes), io::boot_now());
  mark_dirty(place->connection);
}

void MachineService::end(const EndStream& end) {
  const Place* const found = find(end.to);
  if (found == nullptr) return;
  const Place place = *found;
  place.connection->session.end(place.stream, io::boot_now());
  requests_.erase(end.to);
  place.connection->requests.erase(place.stream);
  mark_dirty(place.connection);
}

void MachineService::mark_dirty(const Pointer& connection) {
  if (connection->is_closed || std::exchange(connection->is_dirty, true)) return;
  dirty_.push_back(connection);
}

void MachineService::flush() {
  // What the owner adds meanwhile comes in the same round.
  if (std::exchange(is_flushing_, true)) return;
  while (!dirty_.empty()) {
    const Pointer connection = std::move(dirty_.back());
    dirty_.pop_back();
    connection->is_dirty = false;
    flush(connection);
  }
  is_flushing_ = false;
}

void MachineService::flush(const Pointer& connection) {
  while (!connection->is_closed && !connection->is_waiting_to_write) {
    if (!has_taken(connection, connection->stream->flush())) return;
    batch_.clear();
    SessionNews news;
    const bool goes_on = connection->session.take_output(batch_, kBatch, io::boot_now(), news);
    const bool is_all = batch_.empty();
    const bool has_room = is_all || has_taken(connection, connection->stream->write(batch_));
    if (is_all) connection->session.on_sent(io::boot_now(), news);
    if (!goes_on || (is_all && connection->session.is_over())) close(*connection);
    dispatch(connection, news);
    if (is_all || !has_room) return;
  }
}

// True when more can be written now. Otherwise the connection is flushed when its socket takes
// more.
bool MachineService::has_taken(const Pointer& connection, io::ByteStream::Status status) {
  if (status == io::ByteStream::Status::Done) return true;
  if (status == io::ByteStream::Status::Closed) {
    close(*connection);
  } else {
    wait_to_write(connection);
  }
  return false;
}

void MachineService::wait_to_write(const Pointer& connection) {
  connection->is_waiting_to_write = true;
  connection->waiting_since = io::boot_now();
  connection->stream->socket().async_wait(tcp::socket::wait_write,
                                          [this, connection](boost::system::error_code error) {
                                            if (error || connection->is_closed)
                                              return;  // the service may be gone
                                            connection->is_waiting_to_write = false;
                                            mark_dirty(connection);
                                            flush();
                                          });
}

// Its task ends, and does the rest.
void MachineService::close(Connection& connection) const {
  connection.is_closed = true;
  if (!connection.stream) return;
  boost::system::error_code ignored;
  connection.stream->socket().cancel(ignored);
}

asio::awaitable<void> MachineService::keep_time() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (true) {
    timer.expires_after(limits_.tick);
    const auto [error] = co_await timer.async_wait(kAwait);
    if (error) co_return;
    tick();
  }
}

void MachineService::tick() {
  const TimePoint now = io::boot_now();
  // A connection that ends leaves the map later, from its own task.
  for (const auto& [id, connection] : connections_) {
    if (connection->is_closed) continue;
    if (connection->is_waiting_to_write &&
        now - connection->waiting_since >= limits_.write_timeout) {
      ++counters_.write_timeouts;
      close(*connection);
      continue;
    }
    update_membership(*connection);
    const bool goes_on = connection->session.on_tick(now);
    mark_dirty(connection);
    if (goes_on) continue;
    ++counters_.timeouts;
    close(*connection);
  }
  flush();
}

asio::awaitable<void> MachineService::stop() {
  is_stopping_ = true;
  tasks_.cancel();
  co_await tasks_.wait();
  const TimePoint now = io::boot_now();
  for (const auto& [id, connection] : connections_) {
    if (connection->is_closed) continue;
    connection->session.shut_down(now);
    mark_dirty(connection);
  }
  flush();
  for (const auto& [id, connection] : connections_) close(*connection);
  while (!connections_.empty()) co_await idle_.async_wait(kAwait);
}

}  // namespace warren::control
