#include "node/testing/fake_server.h"

#include <algorithm>
#include <array>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "io/clock.h"
#include "io/http_request.h"
#include "io/tcp_dial.h"
#include "proto/control/codec.h"
#include "proto/control/key_response.h"
#include "proto/ts2021/early_noise.h"
#include "proto/ts2021/handshake.h"

namespace warren::node::testing {

namespace asio = boost::asio;
using asio::ip::tcp;
using Bytes = std::vector<std::uint8_t>;
using Status = io::ByteStream::Status;

namespace {

constexpr Duration kPatience = 60s;

// Appends what comes; false when it is over.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<bool> receive(io::ByteStream& stream, Bytes& received) {
  std::array<std::uint8_t, 16384> space{};
  while (stream.socket().is_open()) {
    const auto outcome = stream.read(space);
    if (outcome.status == Status::Closed) co_return false;
    if (outcome.status == Status::Done) {
      received.insert(received.end(), space.begin(),
                      space.begin() + static_cast<std::ptrdiff_t>(outcome.bytes));
      co_return true;
    }
    auto ready = co_await io::wait_ready(stream.socket(), tcp::socket::wait_read,
                                         io::boot_now() + kPatience);
    if (!ready) co_return false;
  }
  co_return false;
}

void send(io::ByteStream& stream, std::string_view text) {
  static_cast<void>(stream.write(as_bytes(text)));
}

std::string plain_answer(std::string_view status, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                     body.size(), body);
}

}  // namespace

FakeServer::FakeServer(asio::io_context& loop, MachinePrivateKey with, Options how)
    : key(std::move(with)),
      options(how),
      acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()),
      tasks_(loop.get_executor(), Log::nowhere()) {
  tasks_.spawn("accept", accept());
}

FakeServer::~FakeServer() {
  close_all();
}

void FakeServer::stop_listening() {
  acceptor_.close();
}

void FakeServer::close_all() {
  for (const ConnectionPointer& each : connections) each->close();
}

asio::awaitable<void> FakeServer::stop() {
  stop_listening();
  close_all();
  tasks_.cancel();
  co_await tasks_.wait();
}

FakeServer::Connection* FakeServer::last() {
  const auto open = std::ranges::find_if(connections.rbegin(), connections.rend(),
                                         [](const auto& each) { return each->is_open; });
  return open == connections.rend() ? nullptr : open->get();
}

void FakeServer::Connection::flush() {
  while (is_open && session.wants_output()) {
    Bytes text;
    Bytes wire;
    http2::Events events;
    WARREN_CHECK(session.take_output(text, 1 << 20, events).has_value());
    WARREN_CHECK(sealer->seal(text, wire));
    if (!wire.empty() && stream->write(wire) == Status::Closed) close();
  }
}

void FakeServer::Connection::close() {
  is_open = false;
  boost::system::error_code ignored;
  if (stream != nullptr) stream->socket().close(ignored);
}

asio::awaitable<void> FakeServer::accept() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    tasks_.spawn("serve", serve(std::move(socket)));
  }
}

asio::awaitable<void> FakeServer::serve(tcp::socket socket) {
  co_await talk(std::move(socket));
  ++ended;
}

asio::awaitable<void> FakeServer::talk(tcp::socket socket) {
  std::unique_ptr<io::ByteStream> stream;
  if (options.tls == nullptr) {
    stream = io::make_plain_stream(std::move(socket));
  } else {
    auto accepted =
        co_await io::accept_tls(options.tls, std::move(socket), io::boot_now() + kPatience);
    if (!accepted) co_return;
    stream = std::move(*accepted);
  }
  Bytes received;
  std::optional<io::HttpHead> head;
  while (!head) {
    if (!co_await receive(*stream, received)) co_return;
    const auto parsed = io::parse_http_request(received);
    if (!parsed) co_return;
    head = *parsed;
  }
  const io::HttpRequest& request = head->request;
  heads.push_back(request.method + " " + request.target);
  if (request.path() == "/key") {
    const control::KeyResponse said{.legacy_public_key = {}, .public_key = key.public_key()};
    co_return send(*stream, plain_answer("200 OK", control::encode(said)));
  }
  if (options.upgrade == Upgrade::Silence) {
    while (co_await receive(*stream, received)) {
    }
    co_return;
  }
  std::array<std::uint8_t, ts2021::kInitiationSize> initiation{};
  const std::string* const text = request.find(ts2021::kHandshakeField);
  if (options.upgrade == Upgrade::NotFound || text == nullptr || !parse_base64(*text, initiation)) {
    co_return send(*stream, plain_answer("404 Not Found", "nothing here"));
  }
  send(*stream, fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {}\r\n"
                            "Connection: upgrade\r\n\r\n",
                            ts2021::kUpgradeProtocol));
  if (options.upgrade == Upgrade::Refuse) {
    const auto frame = ts2021::encode_error("not\x1btoday");
    static_cast<void>(stream->write(frame));
    co_return;
  }
  auto accepted =
      ts2021::accept_handshake(ts2021::decode_initiation(initiation).value(), key, random_);
  if (!accepted) co_return;
  static_cast<void>(stream->write(accepted->message));
  const auto connection = std::make_shared<Connection>();
  connection->stream = std::move(stream);
  connection->machine = accepted->machine;
  connection->sealer.emplace(std::move(accepted->keys.from_responder));
  connection->opener.emplace(std::move(accepted->keys.from_initiator));
  if (options.upgrade == Upgrade::AcceptWithEarlyNoise) {
    Bytes wire;
    const auto early =
        ts2021::encode_early_noise(ChallengePrivateKey::generate(random_).public_key());
    // In three records, as servers do (spec: control section 2.8): none of them means anything.
    ByteView rest(early);
    for (const std::size_t size : {std::size_t{5}, std::size_t{4}, rest.size() - 9}) {
      WARREN_CHECK(connection->sealer->seal(rest.first(size), wire));
      rest = rest.subspan(size);
    }
    static_cast<void>(connection->stream->write(wire));
  }
  connections.push_back(connection);
  co_await talk_http2(connection);
  connection->close();
}

asio::awaitable<void> FakeServer::talk_http2(ConnectionPointer connection) {
  connection->flush();
  Bytes wire;
  while (connection->is_open && co_await receive(*connection->stream, wire)) {
    Bytes text;
    http2::Events events;
    if (!connection->opener->open(wire, text)) co_return;
    if (!connection->session.receive(text, events)) co_return;
    wire.clear();
    handle(*connection, std::move(events));
    connection->flush();
  }
}

void FakeServer::handle(Connection& connection, http2::Events events) {
  auto& requests = connection.requests;
  const auto find = [&](http2::StreamId id) {
    return std::ranges::find(requests, id, &std::pair<http2::StreamId, Request>::first);
  };
  for (const http2::Event& event : events) {
    if (const auto* head = std::get_if<http2::RequestHead>(&event)) {
      requests.emplace_back(head->stream, Request{.path = head->path, .body = {}});
    } else if (const auto* body = std::get_if<http2::Body>(&event)) {
      find(body->stream)->second.body += as_text(body->bytes);
      connection.session.consume(body->stream, body->bytes.size());
    } else if (const auto* end = std::get_if<http2::End>(&event)) {
      const auto found = find(end->stream);
      const Request request = found->second;
      requests.erase(found);
      if (on_request) on_request(connection, end->stream, request);
    }
  }
}

}  // namespace warren::node::testing
