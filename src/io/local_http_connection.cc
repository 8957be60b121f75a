#include "io/local_http_connection.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace warren::io {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadSize = 16384;
constexpr std::size_t kLeastPieces = 4;  // of a stream may wait, however large they are
constexpr std::string_view kLastChunk = "0\r\n\r\n";  // RFC 9112 section 7.1

// The length of the body that follows; otherwise the status to refuse it with.
std::expected<std::size_t, unsigned> body_size(const HttpRequest& head, std::size_t limit) {
  if (head.find("Transfer-Encoding") != nullptr) return std::unexpected(411U);
  const std::string* const field = head.find("Content-Length");
  if (field == nullptr) return 0;
  std::size_t out = 0;
  const char* const end = field->data() + field->size();
  const auto [stop, error] = std::from_chars(field->data(), end, out);
  if (error == std::errc::result_out_of_range) return std::unexpected(413U);
  if (error != std::errc() || stop != end) return std::unexpected(400U);
  if (out > limit) return std::unexpected(413U);
  return out;
}

}  // namespace

// Belongs to one request. The connection takes the next one only when this one is complete, so one
// that is not complete speaks of the connection's present request, or the connection is closed.
class LocalHttpConnection::Reply final : public LocalReply {
 public:
  Reply(const std::shared_ptr<LocalHttpConnection>& connection, HttpRequest head, bool is_last)
      : connection_(connection),
        executor_(connection->socket_.get_executor()),
        head_(std::move(head)),
        is_last_(is_last) {}

  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  ~Reply() override {
    if (stage_ == Stage::New) {
      finish({.status = 500,
              .content_type = "text/plain; charset=utf-8",
              .body = "no answer was given\n"});
    }
    const auto connection = connection_.lock();
    if (stage_ == Stage::Streaming && connection) connection->close();
  }

  void finish(LocalResponse response) override {
    if (std::exchange(stage_, Stage::Complete) != Stage::New) return;
    const auto connection = connection_.lock();
    if (!connection) return;
    static_cast<void>(
        connection->push(fit_response(http_response(response.status, response.content_type,
                                                    response.body, connection->options_.fields),
                                      head_, is_last_)));
    connection->complete();
  }

  void begin(unsigned status, std::string content_type) override {
    const auto connection = connection_.lock();
    if (stage_ != Stage::New || !connection) return;
    stage_ = Stage::Streaming;
    static_cast<void>(connection->push(fit_response(
        http_stream_head(status, content_type, connection->options_.fields, head_.is_http_1_1),
        head_, is_last_)));
    if (head_.method != "HEAD") return;
    stage_ = Stage::Complete;
    connection->complete();
  }

  bool write(std::string chunk) override {
    const auto connection = connection_.lock();
    if (stage_ != Stage::Streaming || !connection) return false;
    if (chunk.empty()) return true;  // would be the last
    if (!head_.is_http_1_1) return connection->push(chunk);
    return connection->push(fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk));
  }

  void end() override {
    if (stage_ != Stage::Streaming) return;
    stage_ = Stage::Complete;
    const auto connection = connection_.lock();
    if (!connection) return;
    if (head_.is_http_1_1) static_cast<void>(connection->push(kLastChunk));
    connection->complete();
  }

  void on_gone(std::function<void()> handler) override {
    if (stage_ == Stage::Complete) return;
    const auto connection = connection_.lock();
    if (connection && !connection->is_closed_) {
      connection->on_gone_ = std::move(handler);
    } else {
      asio::post(executor_, std::move(handler));
    }
  }

 private:
  enum class Stage : std::uint8_t { New, Streaming, Complete };

  std::weak_ptr<LocalHttpConnection> connection_;
  asio::any_io_executor executor_;
  HttpRequest head_;
  bool is_last_;
  Stage stage_ = Stage::New;
};

LocalHttpConnection::LocalHttpConnection(Socket socket,
                                         PeerCredentials peer,
                                         const LocalHttpOptions& options,
                                         LocalHttpCounters& counters)
    : socket_(std::move(socket)),
      peer_(peer),
      options_(options),
      counters_(counters),
      deadline_(socket_.get_executor()),
      wake_(socket_.get_executor()) {
  wake_.expires_at(asio::steady_timer::time_point::max());
}

void LocalHttpConnection::watch() {
  // Both directions closed; a client that only says it sends no more still gets its answer.
  socket_.async_wait(Socket::wait_error,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (error) return;
                       self->is_lost_ = true;
                       self->wake();
                     });
}

void LocalHttpConnection::close() {
  is_closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  stop_deadline();
  wake();
}

// Another call replaces it.
void LocalHttpConnection::close_after(Duration time) {
  deadline_.expires_after(time);
  deadline_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    // It may have been moved when this call was already on its way.
    if (error || !self || self->deadline_.expiry() > asio::steady_timer::clock_type::now()) return;
    ++self->counters_.timeouts;
    self->close();
  });
}

void LocalHttpConnection::stop_deadline() {
  deadline_.expires_at(asio::steady_timer::time_point::max());
}

asio::awaitable<std::expected<LocalHttpConnection::Received, unsigned>>
LocalHttpConnection::read_request() {
  bool is_started = !received_.empty();
  close_after(is_started ? options_.request_timeout : options_.idle_timeout);
  HttpHead head;
  while (true) {
    auto parsed = parse_http_request(as_bytes(received_));
    if (!parsed) co_return std::unexpected(parsed.error() == DecodeError::BadLength ? 431U : 400U);
    if (*parsed) {
      head = std::move(**parsed);
      break;
    }
    const bool is_more = co_await read_more();
    if (!is_more) co_return std::unexpected(0U);
    if (!std::exchange(is_started, true)) close_after(options_.request_timeout);
  }
  const auto size = body_size(head.request, options_.max_body);
  if (!size) co_return std::unexpected(size.error());
  while (received_.size() - head.size < *size) {
    const bool is_more = co_await read_more();
    if (!is_more) co_return std::unexpected(0U);
  }
  stop_deadline();
  Received out{.head = std::move(head.request), .body = received_.substr(head.size, *size)};
  received_.erase(0, head.size + *size);
  co_return out;
}

asio::awaitable<bool> LocalHttpConnection::read_more() {
  const std::size_t old = received_.size();
  received_.resize(old + kReadSize);
  const auto [error, size] =
      co_await socket_.async_read_some(asio::buffer(received_.data() + old, kReadSize), kAwait);
  received_.resize(old + size);
  co_return !error;
}

std::shared_ptr<LocalReply> LocalHttpConnection::make_reply(HttpRequest head, bool is_last) {
  is_complete_ = false;
  return std::make_shared<Reply>(shared_from_this(), std::move(head), is_last);
}

asio::awaitable<bool> LocalHttpConnection::send_reply() {
  while (!is_closed_ && !is_lost_) {
    if (!unsent_.empty()) {
      sending_ = std::exchange(unsent_, {});
      unsent_weight_ = 0;
      close_after(options_.write_timeout);
      const auto [error, size] =
          co_await asio::async_write(socket_, asio::buffer(sending_), kAwait);
      stop_deadline();
      sending_ = std::string();
      if (error) break;
    } else if (is_complete_) {
      on_gone_ = nullptr;
      co_return true;
    } else {
      static_cast<void>(co_await wake_.async_wait(kAwait));
    }
  }
  close();
  const auto on_gone = std::exchange(on_gone_, nullptr);
  if (on_gone && !is_complete_) on_gone();
  co_return false;
}

// What is being sent doesn't count: it has a deadline.
bool LocalHttpConnection::push(std::string_view bytes) {
  if (is_closed_ || is_lost_) return false;
  const std::size_t weight = std::min(bytes.size(), options_.max_unsent / kLeastPieces);
  if (unsent_weight_ + weight > options_.max_unsent) {
    ++counters_.slow_readers;
    close();
    return false;
  }
  unsent_weight_ += weight;
  unsent_ += bytes;
  wake();
  return true;
}

void LocalHttpConnection::complete() {
  is_complete_ = true;
  wake();
}

}  // namespace warren::io
