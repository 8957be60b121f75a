#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_writer.h"
#include "base/time.h"
#include "base/time_text.h"

namespace warren::json {

// A flat JSON object, member after member: for answers to people's tools and for logs. Messages of
// a protocol have field tables instead (json_wire.h).
class ObjectText {
 public:
  ObjectText() { writer_.open_object(); }

  ObjectText& text(std::string_view name, std::string_view value) {
    writer_.plain_key(name);
    writer_.text(value);
    return *this;
  }

  ObjectText& number(std::string_view name, std::int64_t value) {
    writer_.plain_key(name);
    writer_.integer(value);
    return *this;
  }

  ObjectText& boolean(std::string_view name, bool value) {
    writer_.plain_key(name);
    writer_.boolean(value);
    return *this;
  }

  // JSON as it is.
  ObjectText& json(std::string_view name, std::string_view value) {
    writer_.plain_key(name);
    writer_.raw(value);
    return *this;
  }

  // No time is null.
  ObjectText& time(std::string_view name, const std::optional<WallTime>& value) {
    if (value) return text(name, to_rfc3339(*value));
    writer_.plain_key(name);
    writer_.null();
    return *this;
  }

  // No time is left out.
  ObjectText& time_if_any(std::string_view name, const std::optional<WallTime>& value) {
    return value ? text(name, to_rfc3339(*value)) : *this;
  }

  std::string done() {
    writer_.close_object();
    return std::move(text_);
  }

 private:
  std::string text_;
  Writer writer_{text_};
};

}  // namespace warren::json
