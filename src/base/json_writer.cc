#include "base/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace warren::json {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// RFC 8259 section 7: quote, backslash and the control characters.
bool is_escaped(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += R"(\")";
      return;
    case '\\':
      out += R"(\\)";
      return;
    case '\n':
      out += R"(\n)";
      return;
    case '\r':
      out += R"(\r)";
      return;
    case '\t':
      out += R"(\t)";
      return;
    default:
      out += R"(\u00)";
      out += kHexDigits[static_cast<unsigned char>(c) >> 4];
      out += kHexDigits[c & 15];
  }
}

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 32> digits{};  // the longest double has 24 characters
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

}  // namespace

void Writer::key(std::string_view name) {
  separate();
  text(name);
  out_->push_back(':');
}

void Writer::plain_key(std::string_view name) {
  separate();
  plain_text(name);
  out_->push_back(':');
}

void Writer::integer(std::int64_t value) {
  append_number(*out_, value);
}

void Writer::unsigned_integer(std::uint64_t value) {
  append_number(*out_, value);
}

void Writer::number(double value) {
  append_number(*out_, std::isfinite(value) ? value : 0);
}

void Writer::text(std::string_view value) {
  out_->push_back('"');
  while (true) {
    const auto plain =
        static_cast<std::size_t>(std::ranges::find_if(value, is_escaped) - value.begin());
    out_->append(value.substr(0, plain));
    if (plain == value.size()) break;
    append_escaped(*out_, value[plain]);
    value.remove_prefix(plain + 1);
  }
  out_->push_back('"');
}

void Writer::plain_text(std::string_view value) {
  out_->push_back('"');
  out_->append(value);
  out_->push_back('"');
}

}  // namespace warren::json
