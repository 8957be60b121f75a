#include "base/json_wire.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "base/time_text.h"

namespace warren::json::wire {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<std::string_view> text_of(const boost::json::value& value) {
  if (!value.is_string()) return std::nullopt;
  return std::string_view(value.get_string());
}

}  // namespace

void parse(std::string_view text,
           Report& report,
           const std::function<void(const boost::json::value&)>& then) {
  const Place place(report);
  if (text.size() > report.limits.bytes) {
    return place.fail(fmt::format("longer than {} bytes", report.limits.bytes));
  }
  boost::json::parse_options options;
  options.max_depth = report.limits.depth;
  boost::json::monotonic_resource memory;
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error, &memory, options);
  if (error) return place.fail(fmt::format("no JSON: {}", error.message()));
  then(value);
}

bool Place::allows(std::size_t count) const {
  if (count <= report_.limits.list) return true;
  fail(fmt::format("more than {} elements", report_.limits.list));
  return false;
}

void Place::expected(std::string_view what) const {
  if (!is_failed()) fail(fmt::format("expected {}", what));
}

void Place::fail(std::string_view why) const {
  if (is_failed()) return;
  const std::string where = path();
  report_.error =
      Error{.code = Errc::InvalidArgument,
            .detail = where.empty() ? std::string(why) : fmt::format("{}: {}", where, why)};
}

std::string Place::path() const {
  if (parent_ == nullptr) return {};
  std::string out = parent_->path();
  if (name_.empty()) return fmt::format("{}[{}]", out, index_);
  if (!out.empty()) out.push_back('.');
  return out.append(name_);
}

const boost::json::value* ObjectReader::find(std::string_view name) const {
  if (const auto* const found = object_.if_contains(name)) return found;
  for (const auto& member : object_) {
    if (std::ranges::equal(std::string_view(member.key()), name, {}, lower, lower)) {
      return &member.value();
    }
  }
  return nullptr;
}

void read(const boost::json::value& from, bool& to, const Place& place) {
  if (!from.is_bool()) return place.expected("true or false");
  to = from.get_bool();
}

void read(const boost::json::value& from, double& to, const Place& place) {
  if (!from.is_number()) return place.expected("a number");
  const double number = rounded(from.to_number<double>());
  if (!std::isfinite(number)) return place.fail("too large");
  to = number;
}

void read(const boost::json::value& from, std::string& to, const Place& place) {
  const auto text = text_of(from);
  if (!text) return place.expected("a text");
  to = *text;
}

void read(const boost::json::value& from, Raw& to, const Place&) {
  to = Raw(from);
}

void read(const boost::json::value& from, Duration& to, const Place& place) {
  std::int64_t nanoseconds = 0;
  read(from, nanoseconds, place);
  to = Duration(nanoseconds);
}

void read(const boost::json::value& from, std::vector<std::uint8_t>& to, const Place& place) {
  const auto text = text_of(from);
  if (!text || text->size() % 4 != 0) return place.expected("base64");
  const std::size_t padding = text->ends_with("==") ? 2 : text->ends_with('=') ? 1 : 0;
  to.resize(text->size() / 4 * 3 - padding);
  if (!parse_base64(*text, to)) place.expected("base64");
}

void read(const boost::json::value& from, IpAddress& to, const Place& place) {
  const auto text = text_of(from);
  const auto address = text ? IpAddress::parse(*text) : std::nullopt;
  if (!address) return place.expected("an IP address");
  to = *address;
}

void read(const boost::json::value& from, IpPrefix& to, const Place& place) {
  const auto text = text_of(from);
  const auto prefix = text ? IpPrefix::parse(*text) : std::nullopt;
  if (!prefix) return place.expected("an IP prefix");
  to = *prefix;
}

void read(const boost::json::value& from, Endpoint& to, const Place& place) {
  const auto text = text_of(from);
  to = {};
  if (text && (text->empty() || text->find('%') != std::string_view::npos)) return;
  const auto endpoint = text ? Endpoint::parse(*text) : std::nullopt;
  if (!endpoint) return place.expected("an IP address and a port");
  to = *endpoint;
}

void read(const boost::json::value& from, std::optional<WallTime>& to, const Place& place) {
  const auto text = text_of(from);
  to = text ? parse_rfc3339(*text) : std::nullopt;
  if (!to) return place.expected("a time such as 2026-01-02T03:04:05Z");
  if (*to == kZeroTime) to.reset();
}

void read(const boost::json::value& from, std::optional<IpAddress>& to, const Place& place) {
  to.reset();
  if (text_of(from) != "") read(from, to.emplace(), place);
}

std::optional<std::int64_t> read_integer(const boost::json::value& from,
                                         std::int64_t smallest,
                                         std::uint64_t largest,
                                         const Place& place) {
  if (from.is_int64() && from.get_int64() >= smallest &&
      (from.get_int64() < 0 || static_cast<std::uint64_t>(from.get_int64()) <= largest)) {
    return from.get_int64();
  }
  place.expected(fmt::format("a whole number from {} to {}", smallest, largest));
  return std::nullopt;
}

bool read_key(std::string_view key, std::string& to) {
  to = key;
  return true;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace warren::json::wire

namespace warren::json {

namespace {

// Most addresses are IPv4, and a map has thousands: no detour through the C library for them.
std::string to_text(const IpAddress& address) {
  if (address.is_v6()) return address.to_string();
  std::string out;
  for (const std::uint8_t byte : address.bytes()) {
    std::array<char, 3> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), byte);
    if (!out.empty()) out.push_back('.');
    out.append(digits.data(), end);
  }
  return out;
}

}  // namespace

void write(Writer& out, const std::vector<std::uint8_t>& value) {
  if (value.empty()) return out.null();
  out.plain_text(to_base64(value));
}

void write(Writer& out, const IpAddress& value) {
  out.plain_text(to_text(value));
}

void write(Writer& out, const IpPrefix& value) {
  std::string text = to_text(value.address());
  text.push_back('/');
  text += std::to_string(value.length());
  out.plain_text(text);
}

void write(Writer& out, const Endpoint& value) {
  if (value == Endpoint{}) return out.plain_text("");
  if (value.address.is_v6()) return out.plain_text(value.to_string());
  std::string text = to_text(value.address);
  text.push_back(':');
  text += std::to_string(value.port);
  out.plain_text(text);
}

void write(Writer& out, const std::optional<WallTime>& value) {
  out.plain_text(to_rfc3339(value.value_or(wire::kZeroTime)));
}

void write(Writer& out, const std::optional<IpAddress>& value) {
  out.plain_text(value ? to_text(*value) : std::string());
}

}  // namespace warren::json
