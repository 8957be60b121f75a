#include "io/https_exchange.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/ip_address.h"
#include "io/http_request.h"
#include "io/resolver.h"
#include "io/tcp_dial.h"

namespace warren::io {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t kReadSize = 4096;
constexpr std::uint16_t kHttpsPort = 443;

std::string authority(const HttpsRequest& request) {
  const bool is_v6 = request.host.contains(':');
  std::string out = is_v6 ? fmt::format("[{}]", request.host) : request.host;
  if (request.port != kHttpsPort) out += fmt::format(":{}", request.port);
  return out;
}

std::string text_of(const HttpsRequest& request) {
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
                                request.method, request.target, authority(request));
  for (const auto& [name, value] : request.fields) out += fmt::format("{}: {}\r\n", name, value);
  if (request.method != "GET" && request.method != "HEAD") {
    out += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  out += "\r\n";
  return out.append(request.body);
}

asio::awaitable<Result<std::unique_ptr<ByteStream>>> open(BlockingPool* lookups,
                                                          TlsContext* tls,
                                                          std::string host,
                                                          std::uint16_t port,
                                                          TimePoint deadline) {
  auto addresses = co_await async_resolve(*lookups, host, port, deadline);
  if (!addresses) {
    co_return with_context(fmt::format("look up {} in DNS", host), std::move(addresses).error());
  }
  auto dialed = co_await dial_tcp(std::move(*addresses), {}, deadline);
  if (!dialed) {
    dialed.error().detail += fmt::format(" ({}): may this machine connect to it?", host);
    co_return unexpected(std::move(dialed).error());
  }
  TlsTarget target;
  target.server_name = host;
  target.verify_name = host;
  auto client =
      co_await TlsClient::connect(*tls, std::move(dialed->socket), std::move(target), deadline);
  if (!client) co_return with_context(host, std::move(client).error());
  co_return make_tls_stream(std::move(*client));
}

asio::awaitable<Result<void>> send(ByteStream* stream, std::string text, TimePoint deadline) {
  auto status = stream->write(as_bytes(text));
  while (status == ByteStream::Status::WantWrite) {
    auto ready = co_await wait_ready(stream->socket(), tcp::socket::wait_write, deadline);
    if (!ready) co_return ready;
    status = stream->flush();
  }
  if (status == ByteStream::Status::Done) co_return Result<void>{};
  co_return fail(Errc::Unavailable, "the connection was closed");
}

// HEAD has an answer without a body, whatever its head says of one.
Result<std::optional<HttpAnswer>, DecodeError> parse(const HttpsRequest& request,
                                                     ByteView received,
                                                     MoreToCome more) {
  if (request.method != "HEAD") return parse_http_answer(received, more, request.max_answer);
  auto head = parse_http_answer_head(received);
  if (!head) return unexpected(head.error());
  if (*head) return std::optional(std::move((**head).answer));
  if (more == MoreToCome::No) return unexpected(DecodeError::Truncated);
  return std::optional<HttpAnswer>();
}

asio::awaitable<Result<HttpAnswer>> receive(ByteStream* stream,
                                            HttpsRequest request,
                                            TimePoint deadline) {
  // Chunks have heads too: as much again.
  const std::size_t limit = 2 * request.max_answer + kMaxHttpHead;
  std::vector<std::uint8_t> received;
  std::array<std::uint8_t, kReadSize> space{};
  while (true) {
    const auto outcome = stream->read(space);
    if (outcome.status == ByteStream::Status::WantRead ||
        outcome.status == ByteStream::Status::WantWrite) {
      const auto what = outcome.status == ByteStream::Status::WantRead ? tcp::socket::wait_read
                                                                       : tcp::socket::wait_write;
      auto ready = co_await wait_ready(stream->socket(), what, deadline);
      if (!ready) co_return unexpected(std::move(ready).error());
      continue;
    }
    received.insert(received.end(), space.begin(), space.begin() + outcome.bytes);
    const bool is_closed = outcome.status == ByteStream::Status::Closed;
    auto answer = parse(request, received, is_closed ? MoreToCome::No : MoreToCome::Yes);
    if (!answer || received.size() > limit) {
      co_return fail(Errc::Unavailable, "it does not answer in HTTP, or with too much");
    }
    if (*answer) co_return std::move(**answer);
    if (is_closed) co_return fail(Errc::Unavailable, "it closed the connection");
  }
}

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): they outlive the call
asio::awaitable<Result<HttpAnswer>> https_exchange(BlockingPool& lookups,
                                                   TlsContext& tls,
                                                   HttpsRequest request,
                                                   TimePoint deadline) {
  auto stream = co_await open(&lookups, &tls, request.host, request.port, deadline);
  if (!stream) co_return unexpected(std::move(stream).error());
  const std::string host = request.host;
  auto sent = co_await send(stream->get(), text_of(request), deadline);
  if (!sent) co_return with_context(host, std::move(sent).error());
  auto answer = co_await receive(stream->get(), std::move(request), deadline);
  if (!answer) co_return with_context(host, std::move(answer).error());
  co_return std::move(*answer);
}

}  // namespace warren::io
