#include "proto/wgquick/value.h"

#include <algorithm>
#include <charconv>

namespace warren::wgquick {

namespace {

constexpr std::string_view kSpace = " \t\r\v\f";
constexpr std::size_t kMaxHostSize = 253;      // RFC 1035 section 2.3.4, as text without the root
constexpr std::size_t kMaxTableNameSize = 64;  // names in rt_tables are short words

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_alphanumeric(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

std::optional<std::uint32_t> parse_digits(std::string_view text, int base, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || at != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

// Letters, digits, dots, hyphens, underscores: what resolvers take. An address passes too.
bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= kMaxHostSize && host.front() != '-' &&
         std::ranges::all_of(
             host, [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; });
}

// RFC 4007 section 11: address, or address%zone.
bool is_ipv6_host(std::string_view host) {
  const std::size_t percent = host.find('%');
  const auto address = IpAddress::parse(host.substr(0, percent));
  if (!address || address->is_v4()) return false;
  return percent == std::string_view::npos || is_host_name(host.substr(percent + 1));
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  return parse_digits(text, 10, max);
}

std::optional<std::uint32_t> parse_fw_mark(std::string_view text) {
  if (equal_ignoring_case(text, "off")) return 0;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    return parse_digits(text.substr(2), 16, UINT32_MAX);
  }
  return parse_digits(text, 10, UINT32_MAX);
}

std::optional<std::uint16_t> parse_keepalive(std::string_view text) {
  if (equal_ignoring_case(text, "off")) return std::uint16_t{0};
  const auto seconds = parse_digits(text, 10, UINT16_MAX);
  if (!seconds) return std::nullopt;
  return static_cast<std::uint16_t>(*seconds);
}

std::optional<InterfaceAddress> parse_address(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return InterfaceAddress{*address, address->bit_length()};
  const auto length = parse_digits(text.substr(slash + 1), 10, address->bit_length());
  if (!length) return std::nullopt;
  return InterfaceAddress{*address, *length};
}

std::optional<RouteTable> parse_table(std::string_view text) {
  using Kind = RouteTable::Kind;
  if (equal_ignoring_case(text, "auto")) return RouteTable{};
  if (equal_ignoring_case(text, "off")) return RouteTable{Kind::Off, 0, {}};
  if (text.empty() || text.size() > kMaxTableNameSize) return std::nullopt;
  if (text.front() >= '0' && text.front() <= '9') {
    const auto number = text.starts_with("0x") ? parse_digits(text.substr(2), 16, UINT32_MAX)
                                               : parse_digits(text, 10, UINT32_MAX);
    if (!number || *number == 0) return std::nullopt;  // 0: RT_TABLE_UNSPEC
    return RouteTable{Kind::Number, *number, {}};
  }
  if (!is_host_name(text)) return std::nullopt;
  return RouteTable{Kind::Name, 0, std::string(text)};
}

std::optional<EndpointName> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_digits(text.substr(colon + 1), 10, UINT16_MAX);
  if (!port || *port == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6_host(host)) return std::nullopt;
  } else if (!is_host_name(host)) {
    return std::nullopt;
  }
  return EndpointName{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::optional<std::string_view> next_item(std::string_view& list) {
  constexpr std::string_view kSeparators = ", \t\r\v\f";
  const std::size_t first = list.find_first_not_of(kSeparators);
  if (first == std::string_view::npos) return std::nullopt;
  list.remove_prefix(first);
  const std::size_t end = std::min(list.find_first_of(kSeparators), list.size());
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(end);
  return item;
}

}  // namespace warren::wgquick
