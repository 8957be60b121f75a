#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/json_raw.h"
#include "base/json_writer.h"
#include "base/tagged.h"
#include "base/time.h"

// The writing half of json_wire.h.
namespace warren::json::wire {

class ObjectWriter;

template <class T>
concept Written = requires(ObjectWriter& visit, const T& x) { fields(visit, x); };

}  // namespace warren::json::wire

// In the namespace of Writer, where argument-dependent lookup finds what else is added
// there.
namespace warren::json {

inline void write(Writer& out, bool value) {
  out.boolean(value);
}

inline void write(Writer& out, double value) {
  out.number(value);
}

inline void write(Writer& out, const std::string& value) {
  out.text(value);
}

inline void write(Writer& out, const Raw& value) {
  out.raw(value.text());
}

inline void write(Writer& out, Duration value) {
  out.integer(value.count());
}

// Empty is null.
void write(Writer& out, const std::vector<std::uint8_t>& value);
void write(Writer& out, const IpAddress& value);
void write(Writer& out, const IpPrefix& value);
void write(Writer& out, const Endpoint& value);
void write(Writer& out, const std::optional<WallTime>& value);
void write(Writer& out, const std::optional<IpAddress>& value);

template <std::integral T>
void write(Writer& out, T value) {
  out.integer(static_cast<std::int64_t>(value));
}

template <class Tag, class Number>
void write(Writer& out, const TaggedNumber<Tag, Number>& value) {
  write(out, value.value);
}

template <class T>
void write(Writer& out, const std::optional<T>& value);
template <class T>
void write(Writer& out, const std::vector<T>& value);
template <class K, class T>
void write(Writer& out, const std::map<K, T>& value);
template <wire::Written T>
void write(Writer& out, const T& value);

}  // namespace warren::json

namespace warren::json::wire {

template <class T>
bool is_zero(const T& value) {
  if constexpr (requires { value.has_value(); }) {
    return !value.has_value();
  } else if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else if constexpr (requires { value.is_zero(); }) {
    return value.is_zero();
  } else {
    return value == T{};
  }
}

// The visitor of `fields` that writes.
class ObjectWriter {
 public:
  explicit ObjectWriter(Writer& out) : out_(out) {}

  template <class T>
  void operator()(std::string_view name, const T& value) {
    if (!is_zero(value)) always(name, value);
  }

  template <class T>
  void always(std::string_view name, const T& value) {
    out_.plain_key(name);
    write(out_, value);
  }

 private:
  Writer& out_;
};

}  // namespace warren::json::wire

namespace warren::json {

template <class T>
void write(Writer& out, const std::optional<T>& value) {
  if (!value) return out.null();
  write(out, *value);
}

template <class T>
void write(Writer& out, const std::vector<T>& value) {
  out.open_array();
  for (const T& element : value) {
    out.element();
    write(out, element);
  }
  out.close_array();
}

inline void write_key(Writer& out, const std::string& key) {
  out.key(key);
}

template <class Tag, class Number>
void write_key(Writer& out, const TaggedNumber<Tag, Number>& key) {
  out.plain_key(std::to_string(key.value));
}

template <class K, class T>
void write(Writer& out, const std::map<K, T>& value) {
  out.open_object();
  for (const auto& [key, element] : value) {
    write_key(out, key);
    write(out, element);
  }
  out.close_object();
}

template <wire::Written T>
void write(Writer& out, const T& value) {
  out.open_object();
  wire::ObjectWriter writer(out);
  fields(writer, value);
  out.close_object();
}

}  // namespace warren::json
