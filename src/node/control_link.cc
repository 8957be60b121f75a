#include "node/control_link.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/clock.h"
#include "io/tcp_dial.h"
#include "node/control_dial.h"
#include "node/control_session.h"
#include "proto/control/limits.h"

namespace warren::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using Status = io::ByteStream::Status;

namespace {

constexpr std::size_t kReadSize = 16 << 10;     // four records
constexpr std::size_t kReadBudget = 256 << 10;  // then others have their turn
constexpr std::size_t kWriteSize = 16 << 10;    // handed to the socket at once
constexpr std::size_t kMaxRefusal = 4 << 10;    // of what is said instead of a map
constexpr std::size_t kMaxLookups = 4;          // ours and those of attempts that were ended
constexpr Duration kLongest = 1h;               // a wait; then it looks again
constexpr Duration kShortest = 1ms;             // between two looks at an unmoved deadline

}  // namespace

// One connection, from the dial to its end. Its tasks keep it alive.
struct ControlLink::Connection {
  Connection(ControlLink* of, const asio::any_io_executor& executor, const Log& log)
      : link(of), tasks(executor, log) {}

  struct Asked {
    RequestNumber number = 0;
    bool is_stream = false;
    unsigned status = 0;
    std::string body;
  };

  ControlLink* link;  // null once nobody wants it any more
  io::Tasks tasks;
  std::unique_ptr<io::ByteStream> stream;  // null while it is dialled
  std::optional<ControlSession> session;
  Leg leg = Leg::Tls;
  bool is_full = false;  // the socket takes no more
  std::uint64_t pings = 0;
  // At most http2::kClientLimits.max_streams.
  std::unordered_map<std::int32_t, Asked> asked;
};

ControlLink::ControlLink(asio::any_io_executor executor,
                         MachinePrivateKey machine_key,
                         ServerAddress server,
                         const HostLookup& hosts,
                         std::uint32_t mark,
                         Random& random,
                         Log log,
                         Observer observer)
    : executor_(std::move(executor)),
      machine_key_(std::move(machine_key)),
      server_(std::move(server)),
      url_(control::parse_server_url(server_.url)),
      tls_(io::TlsContext::create()),
      hosts_(hosts),
      mark_(mark),
      random_(random),
      log_(std::move(log)),
      observer_(std::move(observer)),
      client_(random),
      lookups_(/*threads=*/2, /*most_waiting=*/kMaxLookups),
      tasks_(executor_, log_),
      timer_(executor_) {
  tasks_.spawn("timer of the coordination server's connection", run_timer());
}

ControlLink::~ControlLink() {
  disconnect();
}

// --- wishes

void ControlLink::introduce(Introduction introduction) {
  feed([&](ClientActions&) { client_.introduce(std::move(introduction), io::boot_now()); });
}

void ControlLink::start(NodePrivateKey key, std::string auth_key, bool force) {
  failure_.clear();
  if (!url_) return fail_for_good(url_.error().detail);
  if (!tls_) return fail_for_good(tls_.error().detail);
  feed([&](ClientActions& out) { client_.start(std::move(key), std::move(auth_key), force, out); });
}

void ControlLink::stop() {
  failure_.clear();
  feed([&](ClientActions& out) { client_.stop(out); });
  report();
}

void ControlLink::log_out() {
  feed([&](ClientActions& out) { client_.log_out(out); });
}

void ControlLink::on_network_change() {
  feed([&](ClientActions& out) { client_.on_network_change(io::boot_now(), out); });
}

ClientStatus ControlLink::status() const {
  ClientStatus out = client_.status();
  if (!failure_.empty()) {
    out.login = LoginState::NeedsLogin;
    out.error = failure_;
  }
  return out;
}

std::optional<Leg> ControlLink::leg() const {
  if (connection_ == nullptr || !connection_->session) return std::nullopt;
  return connection_->leg;
}

asio::awaitable<void> ControlLink::close() {
  is_closed_ = true;
  pending_.clear();
  disconnect();
  tasks_.cancel();
  for (const ConnectionPointer& each : std::exchange(old_, {})) co_await each->tasks.wait();
  co_await tasks_.wait();
}

// --- what the client wants

template <class Event>
void ControlLink::feed(Event event) {
  if (is_closed_) return;
  ClientActions out;
  event(out);
  for (ClientAction& action : out) pending_.push_back(std::move(action));
  perform_all();
}

void ControlLink::perform_all() {
  if (is_performing_) return;  // an observer called back: the loop below goes on with it
  is_performing_ = true;
  while (!pending_.empty()) {
    ClientAction action = std::move(pending_.front());
    pending_.pop_front();
    std::visit([this](auto& what) { perform(std::move(what)); }, action);
  }
  is_performing_ = false;
  if (connection_ != nullptr) flush(connection_);
  if (client_.next_timeout() < wakes_at_) timer_.cancel();
}

void ControlLink::perform(Connect&&) {
  disconnect();
  std::erase_if(old_, [](const ConnectionPointer& each) { return each->tasks.running() == 0; });
  connection_ = std::make_shared<Connection>(this, executor_, log_);
  connection_->tasks.spawn("connection to the coordination server", run(connection_));
}

void ControlLink::perform(Disconnect&&) {
  disconnect();
}

void ControlLink::perform(Post&& action) {
  if (connection_ == nullptr || !connection_->session) return;
  auto id = connection_->session->http2().request({
      .method = "POST",
      .path = action.path,
      .authority = url_->authority(),
      .fields = {},
      .body = {action.body.begin(), action.body.end()},
  });
  if (!id) return lose(connection_, "the server takes no more requests");
  Connection::Asked& asked = connection_->asked[id->value];
  asked.number = action.number;
  asked.is_stream = action.is_stream;
}

void ControlLink::perform(Cancel&& action) {
  if (connection_ == nullptr) return;
  const auto found = std::ranges::find_if(
      connection_->asked, [&](const auto& entry) { return entry.second.number == action.number; });
  if (found == connection_->asked.end()) return;
  connection_->session->http2().reset(http2::StreamId(found->first), http2::Code::Cancel);
  connection_->asked.erase(found);
}

void ControlLink::perform(Ping&&) {
  if (connection_ == nullptr || !connection_->session) return;
  connection_->session->http2().ping(++connection_->pings);
}

void ControlLink::perform(KeyChanged&&) {
  const auto kept = observer_.on_key_changed(client_.node_key());
  if (!kept) fail_for_good("this machine's new key cannot be kept: " + kept.error().detail);
}

void ControlLink::perform(StatusChanged&&) {
  report();
}

void ControlLink::perform(MapNews&& action) {
  observer_.on_map(action);
}

// What else was to be done is not done any more.
void ControlLink::fail_for_good(std::string why) {
  pending_.clear();
  failure_ = std::move(why);
  log_.warn("node: cannot join reason={}", failure_);
  feed([&](ClientActions& out) { client_.stop(out); });
  report();
}

void ControlLink::report() {
  const ClientStatus now = status();
  if (is_closed_ || now == reported_) return;
  reported_ = now;
  observer_.on_status(now);
}

// --- a connection's life

asio::awaitable<void> ControlLink::run(ConnectionPointer connection) {
  if (connection->link == nullptr) co_return;
  ControlLink& link = *connection->link;
  const ControlDialTools tools{.hosts = link.hosts_,
                               .lookups = link.lookups_,
                               .tls = *link.tls_,
                               .random = link.random_,
                               .machine_key = link.machine_key_,
                               .mark = link.mark_};
  auto dialed =
      co_await dial_control(tools, *link.url_, link.server_.key, io::boot_now() + kDialLimit);
  if (connection->link == nullptr) co_return;
  if (!dialed) co_return link.lose(connection, std::move(dialed).error().detail);
  link.adopt(connection, std::move(*dialed));

  std::array<std::uint8_t, kReadSize> space{};
  std::size_t budget = kReadBudget;
  while (connection->link != nullptr) {
    const auto outcome = connection->stream->read(space);
    if (outcome.status == Status::Done) {
      link.take(connection, ByteView(space).first(outcome.bytes));
      budget -= std::min(budget, outcome.bytes);
      if (budget > 0) continue;
      co_await asio::post(asio::use_awaitable);
    } else if (outcome.status == Status::Closed) {
      link.lose(connection, "the server closed the connection");
    } else {
      const auto what =
          outcome.status == Status::WantRead ? tcp::socket::wait_read : tcp::socket::wait_write;
      // Ready or not: the next read tells. Whether the server lives is the client's business.
      static_cast<void>(
          co_await io::wait_ready(connection->stream->socket(), what, io::boot_now() + kLongest));
    }
    budget = kReadBudget;
  }
}

void ControlLink::adopt(const ConnectionPointer& connection, DialedControl dialed) {
  connection->stream = std::move(dialed.stream);
  connection->session.emplace(std::move(dialed.keys));
  connection->leg = dialed.leg;
  reason_.clear();
  log_.info("node: connected to the coordination server leg={}",
            dialed.leg == Leg::Tls ? "https" : "http");
  if (!server_.key) {
    server_.key = dialed.server_key;
    observer_.on_server_key(dialed.server_key);
  }
  if (connection->link == nullptr) return;
  feed([&](ClientActions& out) { client_.on_connected(io::boot_now(), out); });
  if (!dialed.received.empty() && connection->link != nullptr) take(connection, dialed.received);
}

void ControlLink::disconnect() {
  if (connection_ == nullptr) return;
  const ConnectionPointer old = std::exchange(connection_, nullptr);
  old->link = nullptr;
  if (old->stream != nullptr) {
    boost::system::error_code ignored;
    old->stream->finish();
    old->stream->socket().close(ignored);
  }
  old->tasks.cancel();
  old_.push_back(old);
}

void ControlLink::lose(const ConnectionPointer& connection, std::string why) {
  if (connection->link == nullptr) return;
  // Once for each cause: a server that cannot be reached is tried for ever.
  if (why != reason_) {
    log_.info("node: not connected to the coordination server reason={}", why);
    reason_ = why;
  }
  disconnect();
  feed(
      [&](ClientActions& out) { client_.on_connection_lost(std::move(why), io::boot_now(), out); });
}

// --- bytes

void ControlLink::take(const ConnectionPointer& connection, ByteView wire) {
  http2::Events events;
  const auto valid = connection->session->receive(wire, events);
  dispatch(connection, std::move(events));
  if (!valid) lose(connection, valid.error().detail);
  flush(connection);
}

void ControlLink::flush(const ConnectionPointer& connection) {
  std::vector<std::uint8_t> wire;
  while (connection->link != nullptr && connection->session && !connection->is_full &&
         connection->session->wants_output()) {
    wire.clear();
    http2::Events events;
    const auto taken = connection->session->take_output(wire, kWriteSize, events);
    if (!taken) return lose(connection, taken.error().detail);
    // Records go out in their order: before what the events may bring about.
    const Status status = wire.empty() ? Status::Done : connection->stream->write(wire);
    if (status == Status::Closed) return lose(connection, "the server closed the connection");
    if (status == Status::WantWrite) wait_writable(connection);
    dispatch(connection, std::move(events));
  }
  if (connection->link != nullptr && connection->session && connection->session->is_over()) {
    lose(connection, "the server ended the connection");
  }
}

void ControlLink::wait_writable(const ConnectionPointer& connection) {
  connection->is_full = true;
  connection->stream->socket().async_wait(
      tcp::socket::wait_write, [connection](const boost::system::error_code&) {
        if (connection->link == nullptr) return;
        switch (connection->stream->flush()) {
          case Status::Done:
            connection->is_full = false;
            return connection->link->flush(connection);
          case Status::Closed:
            return connection->link->lose(connection, "the server closed the connection");
          case Status::WantRead:
          case Status::WantWrite:
            return wait_writable(connection);
        }
      });
}

// --- answers

void ControlLink::dispatch(const ConnectionPointer& connection, http2::Events events) {
  for (http2::Event& event : events) {
    if (connection->link == nullptr) return;
    std::visit([&](auto& what) { on_event(connection, what); }, event);
  }
}

void ControlLink::on_event(const ConnectionPointer& connection, http2::ResponseHead& head) {
  const auto found = connection->asked.find(head.stream.value);
  if (found != connection->asked.end()) found->second.status = head.status;
}

void ControlLink::on_event(const ConnectionPointer& connection, http2::Body& body) {
  const auto found = connection->asked.find(body.stream.value);
  if (found == connection->asked.end()) return;  // cancelled
  Connection::Asked& asked = found->second;
  if (asked.is_stream && asked.status == 200) {
    const RequestNumber number = asked.number;
    feed([&](ClientActions& out) {
      client_.on_stream_data(number, body.bytes, io::boot_now(), out);
    });
  } else if (asked.is_stream) {
    const std::size_t room = kMaxRefusal - std::min(kMaxRefusal, asked.body.size());
    asked.body += as_text(ByteView(body.bytes).first(std::min(room, body.bytes.size())));
  } else if (asked.body.size() + body.bytes.size() > control::kResponseLimits.bytes) {
    return lose(connection, "the server's answer is too long");
  } else {
    asked.body += as_text(body.bytes);
  }
  if (connection->link == nullptr) return;
  connection->session->http2().consume(body.stream, body.bytes.size());
}

void ControlLink::on_event(const ConnectionPointer& connection, http2::End& end) {
  const auto entry = connection->asked.extract(end.stream.value);
  if (entry.empty()) return;
  const Connection::Asked& asked = entry.mapped();
  feed([&](ClientActions& out) {
    const TimePoint now = io::boot_now();
    if (asked.is_stream) {
      client_.on_stream_end(asked.number, asked.status, asked.body, now, out);
    } else {
      client_.on_answer(asked.number, asked.status, asked.body, now, out);
    }
  });
}

// There is no answer that could be told.
void ControlLink::on_event(const ConnectionPointer& connection, http2::Reset& reset) {
  const auto entry = connection->asked.extract(reset.stream.value);
  if (!entry.empty()) lose(connection, "the server broke off an answer");
}

// Those streams that are open go on: the map comes until the server ends it.
void ControlLink::on_event(const ConnectionPointer& connection, http2::Goaway& goaway) {
  if (goaway.code != http2::Code::NoError) lose(connection, "the server refused the connection");
}

void ControlLink::on_event(const ConnectionPointer&, http2::PingAnswered&) {
  feed([&](ClientActions&) { client_.on_pong(io::boot_now()); });
}

void ControlLink::on_event(const ConnectionPointer&, http2::RequestHead&) {}  // a server's

// --- time

asio::awaitable<void> ControlLink::run_timer() {
  while (true) {
    const TimePoint now = io::boot_now();
    const TimePoint next = client_.next_timeout();
    if (next <= now) {
      feed([&](ClientActions& out) { client_.on_timeout(now, out); });
    }
    wakes_at_ = std::min(std::max(client_.next_timeout(), now + kShortest), now + kLongest);
    timer_.expires_after(wakes_at_ - now);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    wakes_at_ = TimePoint::min();
  }
}

}  // namespace warren::node
