#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/ip_address.h"
#include "base/json_raw.h"
#include "base/json_wire_place.h"
#include "base/tagged.h"
#include "base/time.h"

// The reading half of json_wire.h.
namespace warren::json::wire {

class ObjectReader;

template <class T>
concept Mapped = requires(ObjectReader& visit, T& x) { fields(visit, x); };

// `from` is never null.

void read(const boost::json::value& from, bool& to, const Place& place);
void read(const boost::json::value& from, double& to, const Place& place);
void read(const boost::json::value& from, std::string& to, const Place& place);
void read(const boost::json::value& from, Raw& to, const Place& place);
void read(const boost::json::value& from, Duration& to, const Place& place);  // nanoseconds
// Base64, as Go writes a []byte.
void read(const boost::json::value& from, std::vector<std::uint8_t>& to, const Place& place);
void read(const boost::json::value& from, IpAddress& to, const Place& place);
void read(const boost::json::value& from, IpPrefix& to, const Place& place);
// An empty text and an endpoint with a zone, which means nothing on another machine, are read as
// Endpoint{}, so that lists that go in step with this one stay so.
void read(const boost::json::value& from, Endpoint& to, const Place& place);
// The zero time and the empty address are none.
void read(const boost::json::value& from, std::optional<WallTime>& to, const Place& place);
void read(const boost::json::value& from, std::optional<IpAddress>& to, const Place& place);

std::optional<std::int64_t> read_integer(const boost::json::value& from,
                                         std::int64_t smallest,
                                         std::uint64_t largest,
                                         const Place& place);
bool read_key(std::string_view key, std::string& to);
std::optional<std::int64_t> parse_integer(std::string_view text);

template <std::integral T>
void read(const boost::json::value& from, T& to, const Place& place) {
  using Limits = std::numeric_limits<T>;
  static_assert(sizeof(T) < 8 || std::is_signed_v<T>);
  const auto number =
      read_integer(from, Limits::min(), static_cast<std::uint64_t>(Limits::max()), place);
  if (number) to = static_cast<T>(*number);
}

template <class Tag, class Number>
void read(const boost::json::value& from, TaggedNumber<Tag, Number>& to, const Place& place) {
  read(from, to.value, place);
}

template <class T>
void read(const boost::json::value& from, std::optional<T>& to, const Place& place);
template <class T>
void read(const boost::json::value& from, std::vector<T>& to, const Place& place);
template <class K, class T>
void read(const boost::json::value& from, std::map<K, T>& to, const Place& place);
template <Mapped T>
void read(const boost::json::value& from, T& to, const Place& place);

// The visitor of `fields` that reads.
class ObjectReader {
 public:
  ObjectReader(const boost::json::object& object, const Place& place)
      : object_(object), place_(place) {}

  template <class T>
  void operator()(std::string_view name, T&& to) {
    const boost::json::value* const found = find(name);
    if (found != nullptr && !found->is_null()) read(*found, to, place_.at(name));
  }

  template <class T>
  void always(std::string_view name, T&& to) {
    (*this)(name, to);
  }

 private:
  const boost::json::value* find(std::string_view name) const;

  const boost::json::object& object_;
  const Place& place_;
};

template <class T>
void read(const boost::json::value& from, std::optional<T>& to, const Place& place) {
  read(from, to.emplace(), place);
}

// A null among structs is left out: a struct without its members is none.
template <class T>
void read(const boost::json::value& from, std::vector<T>& to, const Place& place) {
  if (!from.is_array()) return place.expected("a list");
  const auto& list = from.get_array();
  if (!place.allows(list.size())) return;
  to.clear();
  to.reserve(list.size());
  for (std::size_t i = 0; i < list.size() && !place.is_failed(); ++i) {
    if (!list[i].is_null()) {
      read(list[i], to.emplace_back(), place.at(i));
    } else if constexpr (!Mapped<T>) {
      to.emplace_back();
    }
  }
}

template <class Tag, class Number>
bool read_key(std::string_view key, TaggedNumber<Tag, Number>& to) {
  const auto number = parse_integer(key);
  if (!number || !std::in_range<Number>(*number)) return false;
  to.value = static_cast<Number>(*number);
  return true;
}

// As a list; keys are texts or, in text, numbers.
template <class K, class T>
void read(const boost::json::value& from, std::map<K, T>& to, const Place& place) {
  if (!from.is_object()) return place.expected("an object");
  const auto& object = from.get_object();
  if (!place.allows(object.size())) return;
  to.clear();
  for (const auto& member : object) {
    if (place.is_failed()) return;
    K key;
    if (!read_key(member.key(), key)) return place.at(member.key()).fail("unexpected key");
    if (!member.value().is_null()) {
      read(member.value(), to[std::move(key)], place.at(member.key()));
    } else if constexpr (!Mapped<T>) {
      to.try_emplace(std::move(key));
    }
  }
}

template <Mapped T>
void read(const boost::json::value& from, T& to, const Place& place) {
  if (!from.is_object()) return place.expected("an object");
  ObjectReader reader(from.get_object(), place);
  fields(reader, to);
}

}  // namespace warren::json::wire
