#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

// A JSON value that is passed on and not looked into.
namespace warren::json {

class Writer;  // NOLINT(bugprone-forward-declaration-namespace): json_writer.h

// A number as its text said it. The parser of Boost 1.81 is off by a few units in the last place;
// this rounds to 15 significant digits, which every double keeps, so that reading and writing again
// and again gives the same text. What is then too large is infinite; what is below 1e-290 is
// 0.
double rounded(double parsed);

// Held as its text, valid and without white space. Numbers are written anew: 2.50 becomes 2.5, and
// of fractions 15 digits stay.
class Raw {
 public:
  static constexpr std::size_t kMaxDepth = 16;

  Raw() = default;  // null

  explicit Raw(const boost::json::value& value);

  static Raw boolean(bool value);
  static Raw integer(std::int64_t value);
  static Raw string(std::string_view value);

  // None when it is no JSON, or nested deeper than kMaxDepth.
  static std::optional<Raw> parse(std::string_view json);

  const std::string& text() const { return text_; }

  auto operator<=>(const Raw&) const = default;

 private:
  std::string text_ = "null";
};

}  // namespace warren::json
