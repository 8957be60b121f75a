#include "control/test_machine.h"

#include <cstring>
#include <memory>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "io/socket_address.h"
#include "netmap/testing.h"
#include "proto/control/codec.h"
#include "proto/control/map_frame.h"

namespace warren::control::testing {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::uint16_t kVersion = 142;

}  // namespace

TestMachine::TestMachine(const asio::any_io_executor& executor,
                         const Endpoint& server,
                         const MachinePublicKey& server_key,
                         Random& random)
    : socket_(executor), key_(MachinePrivateKey::generate(random)) {
  io::SocketAddress address;
  const socklen_t size = io::to_socket_address(server, address);
  tcp::endpoint remote;
  remote.resize(size);
  std::memcpy(remote.data(), &address, size);
  socket_.connect(remote);  // the backlog takes it
  started_ = ts2021::start_handshake(key_, server_key, kVersion, random);
  WARREN_CHECK(started_.has_value());
  send_raw(as_bytes(
      fmt::format("POST /ts2021 HTTP/1.1\r\nHost: x\r\nUpgrade: tailscale-control-protocol\r\n"
                  "Connection: upgrade\r\nX-Tailscale-Handshake: {}\r\nContent-Length: 0\r\n\r\n",
                  to_base64(started_->message))));
  read();
}

netmap::Machine TestMachine::machine(std::uint8_t node_key, std::string hostname) const {
  return {.key = key_.public_key(),
          .node_key = netmap::testing::numbered_key<NodePublicKey>(node_key),
          .hostname = std::move(hostname),
          .wants_ephemeral = false};
}

void TestMachine::read() {
  socket_.async_read_some(
      asio::buffer(buffer_),
      [this, life = std::weak_ptr(life_)](boost::system::error_code error, std::size_t size) {
        if (error == asio::error::operation_aborted || life.expired()) return;
        if (error) {
          is_closed_ = true;
          return;
        }
        if (first_read_ == 0) first_read_ = size;
        on_bytes(ByteView(buffer_).first(size));
        if (!is_closed_) read();
      });
}

void TestMachine::on_bytes(ByteView bytes) {
  if (!http_) {
    hello_.insert(hello_.end(), bytes.begin(), bytes.end());
    if (!finish_upgrade()) return;
    bytes = hello_;
  }
  std::vector<std::uint8_t> text;
  WARREN_CHECK(opener_->open(bytes, text).has_value());
  if (!http_->receive(text, events_)) return close();
  on_events();
  flush();
}

bool TestMachine::finish_upgrade() {
  const std::string_view text = as_text(hello_);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || !text.starts_with("HTTP/1.1 101")) return false;
  const ByteView frames = ByteView(hello_).subspan(end + 4);
  const auto answer = ts2021::next_answer(frames);
  WARREN_CHECK(answer.has_value());
  if (!*answer) return false;
  auto keys = ts2021::finish_handshake(*started_, key_, **answer);
  WARREN_CHECK(keys.has_value());
  opener_.emplace(std::move(keys->from_responder));
  sealer_.emplace(std::move(keys->from_initiator));
  hello_.erase(hello_.begin(),
               hello_.begin() + static_cast<std::ptrdiff_t>(end + 4 + (**answer).size()));
  http_.emplace();
  return true;
}

void TestMachine::on_events() {
  for (const http2::Event& event : events_) {
    if (const auto* const head = std::get_if<http2::ResponseHead>(&event)) {
      answers_[head->stream].status = head->status;
    } else if (const auto* const body = std::get_if<http2::Body>(&event)) {
      answers_[body->stream].body += as_text(body->bytes);
      http_->consume(body->stream, body->bytes.size());
    } else if (const auto* const over = std::get_if<http2::End>(&event)) {
      answers_[over->stream].is_over = true;
    } else if (const auto* const reset = std::get_if<http2::Reset>(&event)) {
      answers_[reset->stream].is_over = true;
      answers_[reset->stream].reset = reset->code;
    }
  }
  events_.clear();
}

http2::StreamId TestMachine::post(std::string_view path, std::string body, http2::Fields fields) {
  const auto stream = http_->request({.method = "POST",
                                      .path = path,
                                      .authority = "control.example.org",
                                      .fields = std::move(fields),
                                      .body = {body.begin(), body.end()}});
  flush();
  return stream ? *stream : http2::StreamId();
}

http2::StreamId TestMachine::post_in_part(std::string_view path, std::string body) {
  is_silent_ = true;
  const auto stream = post(path, std::move(body));
  http2::Bytes text;
  WARREN_CHECK(http_->take_output(text, 1000, events_).has_value());
  send_text(text);
  return stream;
}

std::vector<MapResponse> TestMachine::take(http2::StreamId stream) {
  std::vector<MapResponse> out;
  std::string& body = answers_[stream].body;
  MapFrameReader reader(Compression::None);
  std::size_t taken = 0;
  for (ByteView bytes = as_bytes(body);;) {
    const auto message = reader.read(bytes);
    WARREN_CHECK(message.has_value());
    if (!*message) break;
    taken = body.size() - bytes.size();
    if (**message != kKeepAliveJson) out.push_back(decode<MapResponse>(**message).value());
  }
  body.erase(0, taken);
  return out;
}

void TestMachine::reset(http2::StreamId stream) {
  http_->reset(stream, http2::Code::Cancel);
  flush();
}

void TestMachine::flush() {
  if (!http_ || is_closed_ || is_silent_) return;
  http2::Bytes text;
  while (true) {
    const std::size_t before = text.size();
    if (!http_->take_output(text, 65536, events_)) return close();
    if (text.size() == before) break;
  }
  on_events();
  if (!text.empty()) send_text(text);
}

void TestMachine::send_text(ByteView text) {
  std::vector<std::uint8_t> records;
  WARREN_CHECK(sealer_->seal(text, records));
  send_raw(records);
}

void TestMachine::send_raw(ByteView bytes) {
  output_.insert(output_.end(), bytes.begin(), bytes.end());
  write();
}

void TestMachine::write() {
  if (is_writing_ || is_closed_ || output_.empty()) return;
  is_writing_ = true;
  const auto now = std::make_shared<std::vector<std::uint8_t>>(std::exchange(output_, {}));
  asio::async_write(
      socket_, asio::buffer(*now),
      [this, now, life = std::weak_ptr(life_)](boost::system::error_code error, std::size_t) {
        if (error == asio::error::operation_aborted || life.expired()) return;
        is_writing_ = false;
        if (!error) write();
      });
}

void TestMachine::close() {
  is_closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace warren::control::testing
