#include "control_load/client.h"

#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "io/socket_address.h"
#include "proto/control/codec.h"
#include "proto/control/map.h"
#include "proto/control/register.h"

namespace warren::bench {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr control::CapVersion kVersion{142};  // tailscale 1.102 (spec: control section 8)

Endpoint endpoint_of(std::size_t number, std::uint16_t port) {
  const auto n = static_cast<std::uint32_t>(number);
  return {*IpAddress::parse(fmt::format("198.18.{}.{}", n / 256, n % 256)), port};
}

control::Hostinfo hostinfo_of(std::size_t number) {
  control::Hostinfo out;
  out.hostname = fmt::format("machine-{}", number);
  out.os = "linux";
  out.ipn_version = "1.102.5";
  out.backend_log_id = "bench";
  return out;
}

}  // namespace

Client::Client(asio::any_io_executor executor,
               const Server& server,
               const Observer& observer,
               std::size_t number,
               Random& random)
    : executor_(std::move(executor)),
      server_(server),
      observer_(observer),
      number_(number),
      random_(random),
      machine_(MachinePrivateKey::generate(random)),
      node_(NodePrivateKey::generate(random)),
      disco_(DiscoPrivateKey::generate(random)) {}

void Client::join() {
  close();
  life_ = std::make_shared<int>();
  hello_.clear();
  output_.clear();
  sending_.clear();
  answer_.clear();
  wire_ = 0;
  session_.reset();
  reader_.emplace(control::Compression::Zstd);
  register_stream_ = map_stream_ = http2::StreamId();

  socket_.emplace(executor_);
  io::SocketAddress address;
  const socklen_t size = io::to_socket_address(server_.endpoint, address);
  tcp::endpoint remote;
  remote.resize(size);
  std::memcpy(remote.data(), &address, size);
  boost::system::error_code error;
  socket_->open(remote.protocol(), error);
  const auto n = static_cast<std::uint32_t>(number_);
  const tcp::endpoint own(asio::ip::address_v4(0x7f010001U + (n << 8U)),
                          0);  // 127.1.0.1, 127.1.1.1, …
  if (!error) socket_->bind(own, error);
  if (error) return fail(error.message());
  started_ = ts2021::start_handshake(machine_, server_.key, kVersion.value, random_);
  if (!started_) return fail("the server's key is none");
  socket_->async_connect(
      remote, [this, life = std::weak_ptr(life_)](const boost::system::error_code& failure) {
        if (life.expired()) return;
        if (failure) return fail("connect: " + failure.message());
        const std::string head = fmt::format(
            "POST /ts2021 HTTP/1.1\r\nHost: bench\r\nUpgrade: tailscale-control-protocol\r\n"
            "Connection: upgrade\r\nX-Tailscale-Handshake: {}\r\nContent-Length: 0\r\n\r\n",
            to_base64(started_->message));
        output_.assign(head.begin(), head.end());
        write();
        read();
      });
}

void Client::close() {
  life_.reset();
  if (!socket_) return;
  boost::system::error_code ignored;
  socket_->close(ignored);
}

void Client::fail(std::string_view why) {
  close();
  observer_.failed(*this, why);
}

void Client::read() {
  socket_->async_read_some(asio::buffer(buffer_),
                           [this, life = std::weak_ptr(life_)](
                               const boost::system::error_code& error, std::size_t size) {
                             if (life.expired()) return;
                             if (error) return fail("read: " + error.message());
                             on_bytes(ByteView(buffer_).first(size));
                             if (!life.expired()) read();
                           });
}

void Client::on_bytes(ByteView bytes) {
  std::vector<std::uint8_t> whole;
  if (!session_) {
    hello_.insert(hello_.end(), bytes.begin(), bytes.end());
    ByteView rest;
    if (!finish_upgrade(rest)) return;
    whole.assign(rest.begin(), rest.end());
    bytes = whole;
    control::RegisterRequest wish;
    wish.version = kVersion;
    wish.node_key = node_.public_key();
    wish.auth.emplace().auth_key = server_.auth_key;
    wish.hostinfo = hostinfo_of(number_);
    register_stream_ = post("/machine/register", control::encode(wish));
  }
  const std::weak_ptr life(life_);
  if (auto read = session_->receive(bytes, events_); !read) return fail(read.error().detail);
  on_events();
  if (!life.expired()) flush();
}

bool Client::finish_upgrade(ByteView& rest) {
  const std::string_view text = as_text(hello_);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  if (!text.starts_with("HTTP/1.1 101")) {
    fail(text.substr(0, text.find('\r')));
    return false;
  }
  const auto answer = ts2021::next_answer(ByteView(hello_).subspan(end + 4));
  if (!answer || !*answer) return false;
  auto keys = ts2021::finish_handshake(*started_, machine_, **answer);
  if (!keys) {
    fail("the handshake failed");
    return false;
  }
  session_.emplace(std::move(*keys));
  rest = ByteView(hello_).subspan(end + 4 + (**answer).size());
  return true;
}

void Client::on_events() {
  const std::weak_ptr life(life_);
  for (const http2::Event& event : std::exchange(events_, {})) {
    if (const auto* const head = std::get_if<http2::ResponseHead>(&event)) {
      if (head->status != 200) return fail(fmt::format("status {}", head->status));
    } else if (const auto* const body = std::get_if<http2::Body>(&event)) {
      session_->http2().consume(body->stream, body->bytes.size());
      if (body->stream == register_stream_) {
        answer_ += as_text(body->bytes);
      } else if (body->stream == map_stream_) {
        wire_ += body->bytes.size();
        ByteView bytes = body->bytes;
        while (true) {
          auto message = reader_->read(bytes);
          if (!message) return fail("a message that does not decode");
          if (!*message) break;
          observer_.message(*this, **message, std::exchange(wire_, 0));
          if (life.expired()) return;
        }
      }
    } else if (const auto* const over = std::get_if<http2::End>(&event)) {
      on_answer(over->stream, answer_);
      if (life.expired()) return;
    } else if (std::holds_alternative<http2::Reset>(event)) {
      return fail("a stream was reset");
    }
  }
}

void Client::on_answer(http2::StreamId stream, std::string_view body) {
  if (stream == map_stream_) return fail("the map stream ended");
  if (stream != register_stream_) return;  // of a lite update: nothing in it
  const auto answer = control::decode<control::RegisterResponse>(body);
  if (!answer) return fail("registration: " + answer.error().detail);
  if (!answer->error.empty()) return fail(answer->error);
  observer_.registered(*this);
  open_map();
}

void Client::open_map() {
  control::MapRequest wish;
  wish.version = kVersion;
  wish.compress = "zstd";
  wish.keep_alive = true;
  wish.node_key = node_.public_key();
  wish.disco_key = disco_.public_key();
  wish.hostinfo = hostinfo_of(number_);
  wish.stream = true;
  map_stream_ = post("/machine/map", control::encode(wish));
  move_to(41641);
}

void Client::move_to(std::uint16_t port) {
  control::MapRequest wish;
  wish.version = kVersion;
  wish.compress = "zstd";
  wish.keep_alive = true;
  wish.omit_peers = true;
  wish.node_key = node_.public_key();
  wish.disco_key = disco_.public_key();
  wish.hostinfo = hostinfo_of(number_);
  wish.hostinfo->net_info.emplace().preferred_derp = relay::RegionId(901);
  wish.endpoints = {endpoint_of(number_, port)};
  wish.endpoint_types = {control::EndpointType::Stun};
  post("/machine/map", control::encode(wish));
}

http2::StreamId Client::post(std::string_view path, const std::string& body) {
  auto stream = session_->http2().request(
      {.method = "POST", .path = path, .authority = "bench", .body = {body.begin(), body.end()}});
  flush();
  return stream ? *stream : http2::StreamId();
}

void Client::flush() {
  if (!session_->take_output(output_, std::size_t{1} << 16, events_)) return fail("HTTP/2");
  write();
}

void Client::write() {
  if (!sending_.empty() || output_.empty()) return;
  sending_ = std::exchange(output_, {});
  asio::async_write(
      *socket_, asio::buffer(sending_),
      [this, life = std::weak_ptr(life_)](const boost::system::error_code& error, std::size_t) {
        if (life.expired()) return;
        sending_.clear();
        if (error) return fail("write: " + error.message());
        if (session_ && session_->wants_output()) flush();
        write();
      });
}

}  // namespace warren::bench
