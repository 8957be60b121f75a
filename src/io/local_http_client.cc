#include "io/local_http_client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "base/bytes.h"
#include "io/clock.h"
#include "io/file_descriptor.h"

namespace warren::io {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

using Parser = http::response_parser<http::string_body>;

constexpr std::size_t kReadSize = std::size_t{64} << 10;
constexpr std::size_t kMaxHead = std::size_t{16} << 10;

// A connection that waits, until the call's deadline at most.
class Channel {
 public:
  static Result<Channel> connect(const std::string& path, Duration timeout);

  // The other side may have closed already, with an answer: that is not an error here.
  Result<void> send(std::string_view bytes);
  // Zero: the other side has closed.
  Result<std::size_t> receive(MutableByteView out);

  const std::string& path() const { return path_; }

 private:
  Channel(FileDescriptor fd, std::string path, Duration timeout)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        timeout_(timeout),
        deadline_(timeout == kNoTimeout ? kNever : boot_now() + timeout) {}

  Result<void> wait(short events);
  std::unexpected<Error> too_late() const;

  FileDescriptor fd_;
  std::string path_;
  Duration timeout_;
  TimePoint deadline_;
};

std::unexpected<Error> connect_error(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return fail(Errc::NotFound,
                  fmt::format("connect to {}: no such socket: is the program running?", path));
    case EACCES:
    case EPERM:
      return fail(Errc::PermissionDenied,
                  fmt::format("connect to {}: permission denied: try it as root", path));
    case ECONNREFUSED:
      return fail(Errc::Unavailable,
                  fmt::format("connect to {}: nobody listens: is the program running?", path));
    default:
      return unexpected(errno_error("connect to " + path, error));
  }
}

Result<Channel> Channel::connect(const std::string& path, Duration timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(Errc::InvalidArgument,
                fmt::format("connect to \"{}\": a socket's path has 1 to {} characters", path,
                            sizeof address.sun_path - 1));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return unexpected(errno_error("open a Unix socket", errno));
  Channel out(std::move(fd), path, timeout);
  if (timeout != kNoTimeout) {
    // Bounds the wait for a place in the server's queue; zero would mean for ever.
    const auto micros = std::max<std::int64_t>(timeout / 1us, 1);
    const timeval limit{.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
    if (setsockopt(out.fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
      return unexpected(errno_error("bound the time to connect to " + path, errno));
    }
  }
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  while (::connect(out.fd_.get(), generic, sizeof address) != 0) {
    if (errno == EAGAIN) return out.too_late();
    if (errno != EINTR) return connect_error(path, errno);
  }
  return out;
}

std::unexpected<Error> Channel::too_late() const {
  return fail(Errc::Timeout, fmt::format("{}: no answer within {} ms", path_, timeout_ / 1ms));
}

Result<void> Channel::wait(short events) {
  constexpr Duration kMostAtOnce = 1h;  // fits poll's int
  while (true) {
    const TimePoint now = boot_now();
    if (now >= deadline_) return too_late();
    const Duration left = std::min(deadline_ - now, kMostAtOnce);
    pollfd poller{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready = poll(&poller, 1, static_cast<int>((left + 999'999ns) / 1ms));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return unexpected(errno_error("wait for " + path_, errno));
  }
}

Result<void> Channel::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};
    } else if (errno == EAGAIN) {
      WARREN_TRY_VOID(wait(POLLOUT));
    } else if (errno != EINTR) {
      return unexpected(errno_error("send to " + path_, errno));
    }
  }
  return {};
}

Result<std::size_t> Channel::receive(MutableByteView out) {
  while (true) {
    const ssize_t got = recv(fd_.get(), out.data(), out.size(), MSG_DONTWAIT);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == ECONNRESET) return 0;
    if (errno == EAGAIN) {
      WARREN_TRY_VOID(wait(POLLIN));
    } else if (errno != EINTR) {
      return unexpected(errno_error("receive from " + path_, errno));
    }
  }
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

Result<std::string> request_text(const LocalCall& call) {
  if (!is_plain(call.method) || !is_plain(call.target)) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{} {}\" is no HTTP request", call.method, call.target));
  }
  const std::string body_fields =
      call.body.empty() && call.method == "GET"
          ? ""
          : fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n",
                        call.body.size());
  return fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n{}",
                     call.method, call.target, body_fields, call.body);
}

// Feeds the parser until the answer is complete. `on_progress` is called after each piece; false
// ends it.
Result<void> receive_answer(Channel& channel,
                            Parser& parser,
                            const std::function<Result<bool>()>& on_progress) {
  boost::beast::flat_buffer buffer;
  parser.eager(true);
  parser.header_limit(kMaxHead);
  while (!parser.is_done()) {
    const auto space = buffer.prepare(kReadSize);
    WARREN_TRY(const std::size_t size,
               channel.receive({static_cast<std::uint8_t*>(space.data()), space.size()}));
    buffer.commit(size);
    boost::system::error_code error;
    if (size == 0 && !parser.got_some()) {
      return fail(Errc::Unavailable, channel.path() + ": closed without an answer");
    }
    if (size == 0) parser.put_eof(error);
    while (!error && buffer.size() > 0 && !parser.is_done()) {
      buffer.consume(parser.put(buffer.data(), error));
    }
    if (error == http::error::partial_message) {
      return fail(Errc::Unavailable, channel.path() + ": the answer ended in the middle");
    }
    if (error == http::error::body_limit) {
      return fail(Errc::Io, channel.path() + ": the answer is too large");
    }
    if (error && error != http::error::need_more) {
      return fail(Errc::Io, fmt::format("{}: no HTTP answer: {}", channel.path(), error.message()));
    }
    WARREN_TRY(const bool goes_on, on_progress());
    if (!goes_on) return {};
  }
  return {};
}

Result<Channel> send_request(const std::string& path, const LocalCall& call) {
  WARREN_TRY(const std::string request, request_text(call));
  WARREN_TRY(auto channel, Channel::connect(path, call.timeout));
  WARREN_TRY_VOID(channel.send(request));
  return channel;
}

std::unexpected<Error> refused(const std::string& path, unsigned status, std::string_view text) {
  const Errc code = status == 403   ? Errc::PermissionDenied
                    : status == 404 ? Errc::NotFound
                                    : Errc::Unavailable;
  while (text.ends_with('\n')) text.remove_suffix(1);
  return fail(code, fmt::format("{}: status {}: {}", path, status, text));
}

// Takes the complete lines from the front of `text`; the last one also without its end when
// `is_all`. False: `on_line` has had enough.
bool take_lines(std::string& text,
                bool is_all,
                const std::function<bool(std::string_view line)>& on_line) {
  std::size_t taken = 0;
  bool goes_on = true;
  while (goes_on && taken < text.size()) {
    const std::size_t end = text.find('\n', taken);
    if (end == std::string::npos && !is_all) break;
    goes_on = on_line(std::string_view(text).substr(taken, end - taken));
    taken = std::min(end, text.size() - 1) + 1;
  }
  text.erase(0, taken);
  return goes_on;
}

}  // namespace

Result<LocalResponse> call_local(const std::string& socket_path, const LocalCall& call) {
  WARREN_TRY(auto channel, send_request(socket_path, call));
  Parser parser;
  parser.body_limit(kMaxLocalResponse);
  parser.skip(call.method == "HEAD");
  WARREN_TRY_VOID(receive_answer(channel, parser, [] { return true; }));
  auto answer = parser.release();
  return LocalResponse{.status = answer.result_int(),
                       .content_type = std::string(answer[http::field::content_type]),
                       .body = std::move(answer.body())};
}

Result<void> stream_local(const std::string& socket_path,
                          const LocalCall& call,
                          const std::function<bool(std::string_view line)>& on_line) {
  WARREN_TRY(auto channel, send_request(socket_path, call));
  Parser parser;
  parser.body_limit(kMaxLocalResponse);
  std::string pending;  // the front of a line
  const auto on_progress = [&]() -> Result<bool> {
    if (!parser.is_header_done() || parser.get().result_int() != 200) return true;
    // A stream has no length that somebody could have lied about, and no end.
    if (parser.chunked()) parser.body_limit(boost::none);
    pending += std::exchange(parser.get().body(), {});
    if (!take_lines(pending, parser.is_done(), on_line)) return false;
    if (pending.size() <= kMaxLocalLine) return true;
    return fail(Errc::Io, socket_path + ": a line of the answer is too long");
  };
  WARREN_TRY_VOID(receive_answer(channel, parser, on_progress));
  const unsigned status = parser.get().result_int();
  if (status != 200) return refused(socket_path, status, parser.get().body());
  return {};
}

}  // namespace warren::io
