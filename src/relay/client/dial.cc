#include "relay/client/dial.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/hex.h"
#include "io/clock.h"
#include "io/resolver.h"
#include "relay/client/constants.h"
#include "relay/client/http_request.h"
#include "relay/client/http_response.h"

namespace warren::relay::client {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::string_view kMetaPrefix = "derpkey";  // spec: paths section 2.1, item 3

std::vector<Endpoint> known_addresses(const Node& node) {
  std::vector<Endpoint> out;
  for (const std::string& text : {node.ipv6, node.ipv4}) {
    if (const auto address = IpAddress::parse(text)) {
      out.push_back({.address = *address, .port = node.relay_port});
    }
  }
  return out;
}

// Families for which the map says to ask the name service.
bool is_open(const Node& node, bool is_v6) {
  return (is_v6 ? node.ipv6 : node.ipv4).empty();
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<Result<io::DialedTcp>> dial_tcp(const DialTools& tools,
                                                const Node& node,
                                                TimePoint deadline) {
  const io::TcpOptions options{
      .mark = tools.mark, .unsent_bytes = kUnsentBytes, .user_timeout = kTcpUserTimeout};
  const auto known = known_addresses(node);
  if (!known.empty()) {
    auto dialed = co_await io::dial_tcp(known, options, deadline);
    if (dialed || (!is_open(node, false) && !is_open(node, true))) co_return dialed;
    if (dialed.error().code == Errc::Timeout) co_return dialed;  // no time is left for the name
  }
  if (node.host_name.empty()) co_return fail(Errc::NotFound, "the map has no address for it");
  auto found = co_await io::async_resolve(tools.lookups, node.host_name, node.relay_port, deadline);
  if (!found) co_return unexpected(std::move(found).error());
  std::erase_if(*found, [&](const Endpoint& at) { return !is_open(node, at.address.is_v6()); });
  co_return co_await io::dial_tcp(std::move(*found), options, deadline);
}

Result<io::TlsTarget> target_of(const Node& node) {
  io::TlsTarget out;
  out.server_name = node.host_name;
  out.note_prefix = kMetaPrefix;
  switch (certificate_check(node)) {
    case CertificateCheck::Chain:
      out.check = io::TlsTarget::Check::Chain;
      out.verify_name = node.cert_name.empty() ? node.host_name : node.cert_name;
      break;
    case CertificateCheck::Pinned: {
      const auto pin = pinned_certificate(node);
      if (!pin) return fail(Errc::InvalidArgument, "the map's pin is no SHA-256 in hex");
      out.check = io::TlsTarget::Check::Pinned;
      out.pin = *pin;
      break;
    }
    case CertificateCheck::None:
      out.check = io::TlsTarget::Check::None;
      break;
  }
  return out;
}

// Only TLS 1.3 hides the certificates, and with them the key, from middleboxes (section 2.1).
std::optional<RelayPublicKey> fast_start_key(const io::TlsClient& tls) {
  if (!tls.is_tls13()) return std::nullopt;
  const auto note = tls.note();
  std::array<std::uint8_t, kKeySize> key{};
  if (!note || note->serial > 255 || !parse_hex(note->text, key)) return std::nullopt;
  return RelayPublicKey(key);
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): awaited at once
asio::awaitable<Result<HttpHead>> ask(io::TlsClient& tls, std::string request, TimePoint deadline) {
  std::array<std::uint8_t, kMaxHttpHead> answer{};
  std::size_t received = 0;
  for (ByteView rest = as_bytes(request);;) {
    const bool sending = !rest.empty();
    const auto outcome =
        sending ? tls.write(rest) : tls.read(MutableByteView(answer).subspan(received));
    if (outcome.status == io::TlsClient::Status::Closed) {
      co_return fail(Errc::Unavailable, "closed before it answered");
    }
    if (outcome.status != io::TlsClient::Status::Done) {
      const bool reads = outcome.status == io::TlsClient::Status::WantRead;
      auto ready = co_await io::wait_ready(
          tls.socket(), reads ? tcp::socket::wait_read : tcp::socket::wait_write, deadline);
      if (!ready) co_return unexpected(std::move(ready).error());
      continue;
    }
    if (sending) {
      rest = rest.subspan(outcome.bytes);
      continue;
    }
    received += outcome.bytes;
    const auto head = decode_http_head(ByteView(answer).first(received));
    if (!head || (!*head && received == answer.size())) {
      co_return fail(Errc::Io, "it did not answer in HTTP");
    }
    if (*head) co_return **head;
  }
}

}  // namespace

asio::awaitable<Result<io::DialedTcp>> reach(DialTools tools, Node node, TimePoint deadline) {
  auto tcp = co_await dial_tcp(tools, node, std::min(deadline, io::boot_now() + kNodeDialLimit));
  if (!tcp) co_return with_context("relay " + node.name, std::move(tcp).error());
  co_return tcp;
}

asio::awaitable<Result<Dialed>> secure(DialTools tools,
                                       Node node,
                                       io::DialedTcp tcp,
                                       TimePoint deadline) {
  auto target = target_of(node);
  if (!target) co_return with_context("relay " + node.name, std::move(target).error());
  Dialed out;
  out.facts.round_trip = tcp.round_trip;
  auto tls = co_await io::TlsClient::connect(tools.tls, std::move(tcp.socket), std::move(*target),
                                             deadline);
  if (!tls) co_return with_context("relay " + node.name, std::move(tls).error());
  out.facts.server_key = fast_start_key(**tls);
  out.tls = std::move(*tls);
  co_return out;
}

asio::awaitable<Result<Duration>> measure(DialTools tools, Node node, TimePoint deadline) {
  auto tcp = co_await reach(tools, node, deadline);
  if (!tcp) co_return unexpected(std::move(tcp).error());
  auto dialed = co_await secure(tools, node, std::move(*tcp), deadline);
  if (!dialed) co_return unexpected(std::move(dialed).error());
  const TimePoint begun = io::boot_now();
  auto request = http_request("/derp/latency-check", node, "Connection: close\r\n");
  const auto head = co_await ask(*dialed->tls, std::move(request), deadline);
  if (!head) co_return with_context("measure relay " + node.name, head.error());
  if (head->status != 200) {
    co_return fail(Errc::Io, fmt::format("measure relay {}: status {}", node.name, head->status));
  }
  co_return io::boot_now() - begun;
}

}  // namespace warren::relay::client
