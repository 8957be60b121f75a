#include "node/control_dial.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "base/time_text.h"
#include "crypto/key_text.h"
#include "io/clock.h"
#include "io/http_answer.h"
#include "io/http_request.h"
#include "io/spawn.h"
#include "io/tcp_dial.h"
#include "node/core/control_client.h"
#include "proto/control/codec.h"
#include "proto/control/key_response.h"
#include "proto/ts2021/handshake.h"

namespace warren::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using Stream = std::unique_ptr<io::ByteStream>;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::size_t kMaxKeyAnswer = 64 << 10;  // spec: control section 2.2
constexpr std::size_t kReadSize = 4096;          // a frame, or a head
constexpr Duration kUserTimeout = 20s;           // unacknowledged for so long: it is gone
constexpr std::string_view kUseTheCommand =
    "use the join command that the server printed, with --server-key";

// Where the server is, looked up once for both legs.
struct Place {
  ServerUrl url;
  std::vector<Endpoint> addresses;  // with any port
  TimePoint deadline;
};

// --- words

std::string clock_text() {
  WallTime now = io::SystemWallClock().now();
  now.nanoseconds = 0;
  return to_rfc3339(now);
}

std::string certificate_words(io::CertificateFault fault, const std::string& host) {
  switch (fault) {
    case io::CertificateFault::NotYetValid:
      return fmt::format(
          "the certificate of {} is not valid yet: is this machine's clock right? it says {}", host,
          clock_text());
    case io::CertificateFault::Expired:
      return fmt::format(
          "the certificate of {} has expired: is this machine's clock right? it says {}", host,
          clock_text());
    case io::CertificateFault::UnknownIssuer:
      return fmt::format("nobody whom this machine trusts vouches for the certificate of {}: {}",
                         host, kUseTheCommand);
    case io::CertificateFault::WrongName:
      return fmt::format("the certificate of {} is for another name: is the address right? or {}",
                         host, kUseTheCommand);
    case io::CertificateFault::None:
    case io::CertificateFault::Other:
      break;
  }
  return {};
}

Error resolve_error(const std::string& host, const Error& error) {
  if (error.code == Errc::NotFound) {
    return {error.code,
            fmt::format("the server's name {} is not in DNS: is the address right?", host)};
  }
  return {error.code, fmt::format("DNS does not say where {} is: is this machine online? ({})",
                                  host, error.detail)};
}

Error connect_error(const Error& error) {
  if (error.code == Errc::PermissionDenied) return error;  // to mark a socket, for example
  const std::string_view hint = error.code == Errc::Timeout
                                    ? "does a firewall stop it?"
                                    : "is the server running, and is this machine online?";
  return {error.code, fmt::format("cannot {}: {}", error.detail, hint)};
}

// What came from anybody on the way, for a person's terminal.
std::string printable(ByteView text) {
  constexpr std::size_t kMost = 200;
  std::string out;
  for (const std::uint8_t c : text.first(std::min(text.size(), kMost))) {
    out += c >= ' ' && c < 0x7f ? static_cast<char>(c) : '?';
  }
  return out;
}

// --- bytes

enum class Proof : std::uint8_t { Certificate, Noise };

// A connection to the server by one leg.
asio::awaitable<Result<Stream>> open(ControlDialTools tools,
                                     std::shared_ptr<const Place> place,
                                     Leg leg,
                                     Proof proof) {
  std::vector<Endpoint> targets = place->addresses;
  for (Endpoint& target : targets) target.port = place->url.port(leg).value_or(0);
  const io::TcpOptions options{.mark = tools.mark, .user_timeout = kUserTimeout};
  auto dialed = co_await io::dial_tcp(std::move(targets), options, place->deadline);
  if (!dialed) co_return unexpected(connect_error(dialed.error()));
  if (leg == Leg::Plain) co_return io::make_plain_stream(std::move(dialed->socket));

  const std::string& host = place->url.host;
  io::TlsTarget target;
  target.server_name = host;
  target.verify_name = host;
  if (proof == Proof::Noise) target.check = io::TlsTarget::Check::None;
  auto fault = io::CertificateFault::None;
  auto tls = co_await io::TlsClient::connect(tools.tls, std::move(dialed->socket),
                                             std::move(target), place->deadline, &fault);
  if (tls) co_return io::make_tls_stream(std::move(*tls));
  Error error = std::move(tls).error();
  if (std::string words = certificate_words(fault, host); !words.empty()) {
    co_return fail(Errc::PermissionDenied, std::move(words));
  }
  co_return fail(error.code, fmt::format("cannot speak TLS with {}: {}", host, error.detail));
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<Result<void>> wait_for(io::ByteStream& stream,
                                       io::ByteStream::Status status,
                                       TimePoint deadline) {
  const auto what =
      status == io::ByteStream::Status::WantRead ? tcp::socket::wait_read : tcp::socket::wait_write;
  co_return co_await io::wait_ready(stream.socket(), what, deadline);
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<Result<void>> send(io::ByteStream& stream, std::string text, TimePoint deadline) {
  auto status = stream.write(as_bytes(text));
  while (status == io::ByteStream::Status::WantWrite) {
    if (auto ready = co_await wait_for(stream, status, deadline); !ready) co_return ready;
    status = stream.flush();
  }
  if (status == io::ByteStream::Status::Done) co_return Result<void>{};
  co_return fail(Errc::Unavailable, "the connection was closed");
}

// Appends what comes next; false when the server has closed.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<Result<bool>> receive(io::ByteStream& stream, Bytes& received, TimePoint deadline) {
  std::array<std::uint8_t, kReadSize> space{};
  while (true) {
    const auto outcome = stream.read(space);
    if (outcome.status == io::ByteStream::Status::Closed) co_return false;
    if (outcome.status == io::ByteStream::Status::Done) {
      received.insert(received.end(), space.begin(), space.begin() + outcome.bytes);
      co_return true;
    }
    auto ready = co_await wait_for(stream, outcome.status, deadline);
    if (!ready) co_return unexpected(std::move(ready).error());
  }
}

// --- GET /key

Result<MachinePublicKey> key_of(const ServerUrl& url, const io::HttpAnswer& answer) {
  if (answer.status != 200) {
    return fail(Errc::Unavailable,
                fmt::format("{} answered {} when asked for its key: is this the address of a "
                            "coordination server?",
                            url.text(), answer.status));
  }
  const auto said = control::decode<control::KeyResponse>(answer.body);
  if (!said || said->public_key.is_zero()) {
    return fail(Errc::Unavailable, fmt::format("{} has no key to show: is this the address of a "
                                               "coordination server?",
                                               url.text()));
  }
  return said->public_key;
}

asio::awaitable<Result<MachinePublicKey>> fetch_key(ControlDialTools tools,
                                                    std::shared_ptr<const Place> place) {
  const ServerUrl& url = place->url;
  auto stream = co_await open(tools, place, url.preferred, Proof::Certificate);
  if (!stream) co_return unexpected(std::move(stream).error());
  std::string request = fmt::format(
      "GET /key?v={} HTTP/1.1\r\nHost: {}\r\nUser-Agent: warren\r\nConnection: close\r\n\r\n",
      kCapVersion.value, url.authority());
  Bytes received;
  auto moved = co_await send(**stream, std::move(request), place->deadline);
  while (moved) {
    const auto more = co_await receive(**stream, received, place->deadline);
    if (!more) {
      moved = unexpected(more.error());
      break;
    }
    const auto answer = io::parse_http_answer(
        received, *more ? io::MoreToCome::Yes : io::MoreToCome::No, kMaxKeyAnswer);
    if (!answer || received.size() > kMaxKeyAnswer + io::kMaxHttpHead) {
      co_return fail(Errc::Unavailable,
                     fmt::format("{} does not speak HTTP: is its port right?", url.text()));
    }
    if (*answer) co_return key_of(url, **answer);
  }
  co_return fail(moved.error().code,
                 fmt::format("{} does not say its key: {}", url.text(), moved.error().detail));
}

// --- one leg

struct LegOutcome {
  Result<DialedControl> dialed;
  bool is_about_key = false;  // the server was found and has another key: nothing else matters
};

LegOutcome failed(Errc code, std::string detail) {
  return {.dialed = fail(code, std::move(detail)), .is_about_key = false};
}

LegOutcome wrong_key(const ServerUrl& url,
                     const MachinePublicKey& key,
                     std::string_view verb,
                     bool is_about_key) {
  return {.dialed = fail(Errc::PermissionDenied,
                         fmt::format("the server {} {} another key than {}: is it the right one? "
                                     "{}",
                                     url.text(), verb, to_text(key), kUseTheCommand)),
          .is_about_key = is_about_key};
}

std::string upgrade_request(const std::string& authority, ByteView initiation) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: warren\r\nUpgrade: {}\r\nConnection: upgrade\r\n"
      "{}: {}\r\nContent-Length: 0\r\n\r\n",
      ts2021::kUpgradePath, authority, ts2021::kUpgradeProtocol, ts2021::kHandshakeField,
      to_base64(initiation));
}

// Without a value while more must come.
std::optional<LegOutcome> take_upgrade(const ServerUrl& url, Bytes& received) {
  const auto head = io::parse_http_answer_head(received);
  if (!head) {
    return failed(Errc::Unavailable,
                  fmt::format("{} does not speak HTTP: is its port right?", url.text()));
  }
  if (!*head) return std::nullopt;
  const io::HttpAnswer& answer = (*head)->answer;
  const std::string* const upgrade = answer.find("Upgrade");
  if (answer.status != 101 || upgrade == nullptr || *upgrade != ts2021::kUpgradeProtocol) {
    return failed(
        Errc::Unavailable,
        fmt::format("{} answered {} instead of 101: is this the address of a coordination "
                    "server, and does a proxy before it pass on \"Upgrade\"?",
                    url.text(), answer.status));
  }
  received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>((*head)->size));
  return LegOutcome{.dialed = DialedControl{}};
}

asio::awaitable<LegOutcome> run_leg(ControlDialTools tools,
                                    std::shared_ptr<const Place> place,
                                    MachinePublicKey key,
                                    Leg leg) {
  const ServerUrl& url = place->url;
  const auto started = ts2021::start_handshake(
      tools.machine_key, key, static_cast<std::uint16_t>(kCapVersion.value), tools.random);
  if (!started) {
    co_return failed(Errc::InvalidArgument, fmt::format("{} is no usable key of a server: {}",
                                                        to_text(key), kUseTheCommand));
  }
  auto stream = co_await open(tools, place, leg, Proof::Noise);
  if (!stream) co_return LegOutcome{.dialed = unexpected(std::move(stream).error())};
  std::string request = upgrade_request(url.authority(url.port(leg).value_or(0)), started->message);
  auto sent = co_await send(**stream, std::move(request), place->deadline);
  if (!sent) {
    co_return failed(sent.error().code, fmt::format("{}: {}", url.text(), sent.error().detail));
  }
  DialedControl out;
  for (bool is_upgraded = false;;) {
    const auto more = co_await receive(**stream, out.received, place->deadline);
    if (!more) {
      co_return failed(more.error().code,
                       fmt::format("{} does not answer: {}", url.text(), more.error().detail));
    }
    // Who cannot read an initiation closes without a word (spec: control section 2.5).
    if (!*more)
      co_return wrong_key(url, key, "closed the connection: it has probably", is_upgraded);
    if (!is_upgraded) {
      auto upgraded = take_upgrade(url, out.received);
      if (!upgraded) continue;
      if (!upgraded->dialed) co_return std::move(*upgraded);
      is_upgraded = true;
    }
    const auto answer = ts2021::next_answer(out.received);
    if (!answer) {
      co_return failed(Errc::Unavailable,
                       fmt::format("{} does not speak the control protocol", url.text()));
    }
    if (!*answer) continue;
    if ((*answer)->type == ts2021::FrameType::Error) {
      co_return failed(Errc::Unavailable,
                       fmt::format("{} refused: {}", url.text(), printable((*answer)->payload)));
    }
    auto keys = ts2021::finish_handshake(*started, tools.machine_key, **answer);
    if (!keys) co_return wrong_key(url, key, "has", true);
    const auto size = static_cast<std::ptrdiff_t>((*answer)->size());
    out.received.erase(out.received.begin(), out.received.begin() + size);
    out.keys = std::move(*keys);
    out.stream = std::move(*stream);
    out.server_key = key;
    out.leg = leg;
    co_return LegOutcome{.dialed = std::move(out)};
  }
}

// --- both

// Shared with the tasks of the legs.
struct Race {
  explicit Race(const asio::any_io_executor& executor)
      : changed(executor), legs(executor, Log::nowhere()) {}

  asio::steady_timer changed;  // cancelled when a leg has ended
  std::optional<DialedControl> winner;
  std::optional<Error> failure;  // the one to tell
  bool is_about_key = false;
  std::size_t running = 0;
  io::Tasks legs;
};

asio::awaitable<void> race_leg(std::shared_ptr<Race> race,
                               ControlDialTools tools,
                               std::shared_ptr<const Place> place,
                               MachinePublicKey key,
                               Leg leg) {
  auto outcome = co_await run_leg(tools, place, key, leg);
  --race->running;
  race->changed.cancel();
  if (race->winner) co_return;
  if (outcome.dialed) {
    race->winner = std::move(*outcome.dialed);
    co_return;
  }
  // The preferred leg's tells most, but for a wrong key.
  const bool is_first = !race->failure || (leg == place->url.preferred && !race->is_about_key);
  if (is_first || (outcome.is_about_key && !race->is_about_key)) {
    race->failure = std::move(outcome.dialed).error();
    race->is_about_key = outcome.is_about_key;
  }
}

// Until a leg has ended or the time has come; false when the task was cancelled.
asio::awaitable<bool> wait_for_change(std::shared_ptr<Race> race, TimePoint until) {
  race->changed.expires_after(std::clamp<Duration>(until - io::boot_now(), 0ns, kDialLimit));
  co_await race->changed.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() == asio::cancellation_type::none;
}

asio::awaitable<Result<DialedControl>> race_legs(ControlDialTools tools,
                                                 std::shared_ptr<const Place> place,
                                                 MachinePublicKey key) {
  const auto race = std::make_shared<Race>(co_await asio::this_coro::executor);
  const auto start = [&](Leg leg) {
    ++race->running;
    race->legs.spawn("leg to the coordination server", race_leg(race, tools, place, key, leg));
  };
  const Leg first = place->url.preferred;
  const Leg second = first == Leg::Tls ? Leg::Plain : Leg::Tls;
  start(first);
  bool goes_on = co_await wait_for_change(race, io::boot_now() + kOtherLegDelay);
  if (goes_on && !race->winner && place->url.port(second)) start(second);
  while (goes_on && !race->winner && race->running > 0) {
    goes_on = co_await wait_for_change(race, place->deadline + kOtherLegDelay);
  }
  race->legs.cancel();
  co_await race->legs.wait();
  if (!goes_on) co_return fail(Errc::Unavailable, "cancelled");
  if (race->winner) co_return std::move(*race->winner);
  co_return unexpected(race->failure.value_or(Error{Errc::Io, "the attempt ended by itself"}));
}

}  // namespace

asio::awaitable<Result<DialedControl>> dial_control(ControlDialTools tools,
                                                    ServerUrl url,
                                                    std::optional<MachinePublicKey> server_key,
                                                    TimePoint deadline) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto found = co_await tools.hosts.resolve(tools.lookups, url.host, 0, deadline);
  if (!found) co_return unexpected(resolve_error(url.host, found.error()));
  const auto place = std::make_shared<const Place>(
      Place{.url = std::move(url), .addresses = std::move(*found), .deadline = deadline});
  if (!server_key) {
    auto fetched = co_await fetch_key(tools, place);
    if (!fetched) co_return unexpected(std::move(fetched).error());
    server_key = *fetched;
  }
  co_return co_await race_legs(tools, place, *server_key);
}

}  // namespace warren::node
