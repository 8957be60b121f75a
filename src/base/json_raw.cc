#include "base/json_raw.h"

#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/json_writer.h"

namespace warren::json {

namespace {

// As deep as the parser let the value be.
void write_value(Writer& out, const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return out.null();
    case boost::json::kind::bool_:
      return out.boolean(value.get_bool());
    case boost::json::kind::int64:
      return out.integer(value.get_int64());
    case boost::json::kind::uint64:
      return out.unsigned_integer(value.get_uint64());
    case boost::json::kind::double_:
      return out.number(rounded(value.get_double()));
    case boost::json::kind::string:
      return out.text(value.get_string());
    case boost::json::kind::array:
      out.open_array();
      for (const auto& element : value.get_array()) {
        out.element();
        write_value(out, element);
      }
      return out.close_array();
    case boost::json::kind::object:
      out.open_object();
      for (const auto& member : value.get_object()) {
        out.key(member.key());
        write_value(out, member.value());
      }
      return out.close_object();
  }
}

constexpr int kDigitsBehindPoint = 14;  // in scientific notation: 15 digits in all
constexpr double kSmallest = 1e-290;    // below, doubles begin to have fewer digits

}  // namespace

double rounded(double parsed) {
  if (!std::isfinite(parsed)) return parsed;
  if (std::abs(parsed) < kSmallest) return 0;
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), parsed,
                                          std::chars_format::scientific, kDigitsBehindPoint);
  double out = 0;
  const bool fits = std::from_chars(text.data(), end, out).ec == std::errc();
  return fits ? out : std::copysign(HUGE_VAL, parsed);
}

Raw::Raw(const boost::json::value& value) {
  text_.clear();
  Writer out(text_);
  write_value(out, value);
}

Raw Raw::boolean(bool value) {
  Raw out;
  out.text_ = value ? "true" : "false";
  return out;
}

Raw Raw::integer(std::int64_t value) {
  Raw out;
  out.text_ = std::to_string(value);
  return out;
}

Raw Raw::string(std::string_view value) {
  Raw out;
  out.text_.clear();
  Writer(out.text_).text(value);
  return out;
}

std::optional<Raw> Raw::parse(std::string_view json) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  const auto value = boost::json::parse(json, error, {}, options);
  if (error) return std::nullopt;
  return Raw(value);
}

}  // namespace warren::json
