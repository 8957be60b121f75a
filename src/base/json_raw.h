#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

// A JSON value that is passed on and not looked into.
namespace warren::json {

class Writer;

// Held as its text, valid and without white space. Numbers are written anew: 2.50 becomes 2.5.
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
