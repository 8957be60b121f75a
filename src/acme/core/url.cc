#include "acme/core/url.h"

#include <algorithm>
#include <charconv>

#include "base/ip_address.h"

namespace warren::acme {

namespace {

constexpr std::string_view kScheme = "https://";

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool read_port(std::string_view text, std::uint16_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out != 0;
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrl || !is_visible(text) || text.contains('#')) return std::nullopt;
  if (lower(text.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, end);
  const std::string_view target = text.substr(end);
  Url out;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = authority.substr(1, close - 1);
    const auto address = IpAddress::parse(out.host);
    if (!address || !address->is_v6()) return std::nullopt;
    authority.remove_prefix(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    out.host = lower(authority.substr(0, colon));
    if (!is_host_name(out.host)) return std::nullopt;
    authority.remove_prefix(colon);
  }
  if (!authority.empty() && (authority.front() != ':' || !read_port(authority.substr(1), out.port)))
    return std::nullopt;
  if (!target.empty()) out.target = target.starts_with('?') ? "/" + std::string(target) : target;
  return out;
}

}  // namespace warren::acme
