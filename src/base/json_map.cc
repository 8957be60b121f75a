#include "base/json_map.h"

#include <algorithm>
#include <cmath>

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/stream_parser.hpp>

namespace warren::json {

namespace {

struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};

Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
          before.size() - line_start + 1};
}

constexpr std::pair<std::string_view, double> kUnits[] = {
    {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9},
};

constexpr double kMaxNanoseconds = 9.2e18;  // what 63 bits hold

}  // namespace

Result<boost::json::value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code error;
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) error = boost::json::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    const Position at = position_of(text, used);
    return fail(Errc::InvalidArgument, fmt::format("line {}, column {}: no JSON: {}", at.line,
                                                   at.column, error.message()));
  }
  return parser.release();
}

std::optional<Duration> parse_duration(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos || digits == 0) return std::nullopt;
  const std::string number(text.substr(0, digits));
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  if (end != number.c_str() + number.size()) return std::nullopt;
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (text.substr(digits) != unit) continue;
    const double total = std::round(value * nanoseconds);
    if (total > kMaxNanoseconds) return std::nullopt;
    return Duration(static_cast<std::int64_t>(total));
  }
  return std::nullopt;
}

void Place::fail(std::string_view why) const {
  if (is_failed()) return;
  *error_ = Error{.code = Errc::InvalidArgument,
                  .detail = path_.empty() ? std::string(why) : fmt::format("{}: {}", path_, why)};
}

void ObjectReader::refuse_unknown() const {
  for (const auto& entry : object_) {
    const std::string_view key = entry.key();
    if (std::ranges::find(known_, key) == known_.end()) place_.at(key).fail("unknown key");
  }
}

void read(const boost::json::value& from, bool& to, const Place& place) {
  if (!from.is_bool()) return place.expected("true or false");
  to = from.get_bool();
}

void read(const boost::json::value& from, double& to, const Place& place) {
  if (!from.is_number()) return place.expected("a number");
  to = from.to_number<double>();
}

void read(const boost::json::value& from, std::string& to, const Place& place) {
  if (!from.is_string()) return place.expected("a text");
  to = std::string_view(from.get_string());
}

void read(const boost::json::value& from, Duration& to, const Place& place) {
  const auto duration = from.is_string() ? parse_duration(from.get_string()) : std::nullopt;
  if (!duration) return place.expected(R"(a duration such as "15s" or "20ms")");
  to = *duration;
}

void read(const boost::json::value& from, IpAddress& to, const Place& place) {
  const auto address = from.is_string() ? IpAddress::parse(from.get_string()) : std::nullopt;
  if (!address) return place.expected(R"(an IP address such as "192.0.2.1")");
  to = *address;
}

void read(const boost::json::value& from, IpPrefix& to, const Place& place) {
  const auto prefix = from.is_string() ? IpPrefix::parse(from.get_string()) : std::nullopt;
  if (!prefix) return place.expected(R"(a prefix such as "192.0.2.0/24")");
  to = *prefix;
}

std::optional<std::uint64_t> read_number(const boost::json::value& from,
                                         std::uint64_t largest,
                                         const Place& place) {
  std::optional<std::uint64_t> number;
  if (from.is_uint64()) number = from.get_uint64();
  if (from.is_int64() && from.get_int64() >= 0) {
    number = static_cast<std::uint64_t>(from.get_int64());
  }
  if (number && *number <= largest) return number;
  place.expected(fmt::format("a whole number from 0 to {}", largest));
  return std::nullopt;
}

}  // namespace warren::json
