#include "proto/control/server_url.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/ip_address.h"

namespace warren::control {

namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::size_t kMaxName = 253;  // RFC 1035 section 2.3.4, without the root's dot

std::uint16_t default_port(Leg leg) {
  return leg == Leg::Tls ? kHttpsPort : kHttpPort;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kMaxName && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

// Hosts that nobody reaches by the port of HTTPS when the URL says http (spec: control
// section 2.1).
bool is_private(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = IpAddress::parse(host);
  if (!address) return false;
  if (address->is_loopback()) return true;
  static const std::array kPrivate = {
      *IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("172.16.0.0/12"),
      *IpPrefix::parse("192.168.0.0/16"), *IpPrefix::parse("fc00::/7")};
  return std::ranges::any_of(kPrivate, [&](const auto& net) { return net.contains(*address); });
}

std::string bracketed(const std::string& host) {
  return host.contains(':') ? fmt::format("[{}]", host) : host;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out == 0) return std::nullopt;
  return out;
}

struct HostAndPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

std::optional<HostAndPort> split(std::string_view text) {
  HostAndPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = lower_case(text.substr(1, end - 1));
    const auto address = IpAddress::parse(out.host);
    if (!address || address->is_v4()) return std::nullopt;
    rest = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    out.host = lower_case(text.substr(0, colon));
    if (!is_name(out.host)) return std::nullopt;
    rest = text.substr(colon);
  }
  if (rest.empty()) return out;
  if (!rest.starts_with(':')) return std::nullopt;
  out.port = parse_port(rest.substr(1));
  if (!out.port) return std::nullopt;
  return out;
}

}  // namespace

std::string ServerUrl::authority() const {
  const std::uint16_t at = port(preferred).value_or(default_port(preferred));
  return at == default_port(preferred) ? bracketed(host) : authority(at);
}

std::string ServerUrl::authority(std::uint16_t at) const {
  return fmt::format("{}:{}", bracketed(host), at);
}

std::string ServerUrl::text() const {
  return (preferred == Leg::Tls ? "https://" : "http://") + authority();
}

Result<ServerUrl> parse_server_url(std::string_view text) {
  const auto refused = [&] {
    return fail(Errc::InvalidArgument, fmt::format("\"{}\" is no server's address: one looks like "
                                                   "https://warren.example.org",
                                                   text));
  };
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return refused();
  const std::string scheme = lower_case(text.substr(0, scheme_end));
  if (scheme != "https" && scheme != "http") return refused();
  std::string_view rest = text.substr(scheme_end + 3);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.contains('/')) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" has a path: a server's address ends with its name, as "
                            "https://warren.example.org does",
                            text));
  }
  auto at = split(rest);
  if (!at) return refused();

  ServerUrl out;
  out.preferred = scheme == "https" ? Leg::Tls : Leg::Plain;
  out.host = std::move(at->host);
  if (out.preferred == Leg::Tls) {
    out.plain_port = kHttpPort;
    out.tls_port = at->port.value_or(kHttpsPort);
  } else {
    out.plain_port = at->port.value_or(kHttpPort);
    if (!is_private(out.host)) out.tls_port = kHttpsPort;
  }
  return out;
}

}  // namespace warren::control
