#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"

// Configuration in JSON, read into structs. Defaults are the member initialisers; an unknown key is
// an error; every error says where: "hosts.alice.link.delay: expected a duration such as "15s"".
//
// A struct is mapped by a function beside it, which argument-dependent lookup finds:
//   template <class Visitor>
//   void fields(Visitor& visit, LinkQuality& x) { visit("delay", x.delay); … }
// and an enum by the texts of its values:
//   std::span<const json::EnumText<Hairpin>> texts_of(Hairpin);
namespace warren::json {

template <class E>
using EnumText = std::pair<std::string_view, E>;

// With comments and trailing commas. Errors begin with line and column.
Result<boost::json::value> parse(std::string_view text);

// "10ms", "1.5s"; units ns, us, ms, s, m, h. None when it is no duration, negative, or beyond 292
// years.
std::optional<Duration> parse_duration(std::string_view text);

// Where in the document something is, and the first error that was found in it.
class Place {
 public:
  Place(std::optional<Error>& error, std::string path) : error_(&error), path_(std::move(path)) {}

  Place at(std::string_view name) const {
    return {*error_, path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name)};
  }

  Place at(std::size_t index) const { return {*error_, fmt::format("{}[{}]", path_, index)}; }

  bool is_failed() const { return error_->has_value(); }

  void expected(std::string_view what) const { fail(fmt::format("expected {}", what)); }

  void fail(std::string_view why) const;

 private:
  std::optional<Error>* error_;
  std::string path_;
};

class ObjectReader;

template <class T>
concept Mapped = requires(ObjectReader& visit, T& x) { fields(visit, x); };

template <class T>
concept Enumerated = std::is_enum_v<T> && requires(T x) { texts_of(x); };

void read(const boost::json::value& from, bool& to, const Place& place);
void read(const boost::json::value& from, double& to, const Place& place);
void read(const boost::json::value& from, std::string& to, const Place& place);
void read(const boost::json::value& from, Duration& to, const Place& place);
void read(const boost::json::value& from, IpAddress& to, const Place& place);
void read(const boost::json::value& from, IpPrefix& to, const Place& place);
std::optional<std::uint64_t> read_number(const boost::json::value& from,
                                         std::uint64_t largest,
                                         const Place& place);

template <std::unsigned_integral T>
void read(const boost::json::value& from, T& to, const Place& place) {
  const auto number = read_number(from, std::numeric_limits<T>::max(), place);
  if (number) to = static_cast<T>(*number);
}

template <Enumerated E>
void read(const boost::json::value& from, E& to, const Place& place);
template <class T>
void read(const boost::json::value& from, std::optional<T>& to, const Place& place);
template <class T>
void read(const boost::json::value& from, std::vector<T>& to, const Place& place);
template <class T>
void read(const boost::json::value& from, std::map<std::string, T>& to, const Place& place);
template <Mapped T>
void read(const boost::json::value& from, T& to, const Place& place);

// The visitor that `fields` is given.
class ObjectReader {
 public:
  ObjectReader(const boost::json::object& object, Place place)
      : object_(object), place_(std::move(place)) {}

  // Left as it is when the key is absent.
  template <class T>
  void operator()(std::string_view name, T& to) {
    known_.push_back(name);
    const auto* const found = object_.if_contains(name);
    if (found != nullptr) read(*found, to, place_.at(name));
  }

  template <class T>
  void required(std::string_view name, T& to) {
    if (!object_.contains(name)) place_.at(name).fail("is missing");
    (*this)(name, to);
  }

  // For what no type can say: `why` when `holds` is false.
  void check(std::string_view name, bool holds, std::string_view why) const {
    if (!holds) place_.at(name).fail(why);
  }

  void refuse_unknown() const;

 private:
  const boost::json::object& object_;
  Place place_;
  std::vector<std::string_view> known_;
};

template <Enumerated E>
void read(const boost::json::value& from, E& to, const Place& place) {
  std::string choices;
  for (const auto& [text, value] : texts_of(E{})) {
    if (from.is_string() && std::string_view(from.get_string()) == text) {
      to = value;
      return;
    }
    choices += fmt::format("{}\"{}\"", choices.empty() ? "" : ", ", text);
  }
  place.expected(fmt::format("one of {}", choices));
}

template <class T>
void read(const boost::json::value& from, std::optional<T>& to, const Place& place) {
  if (from.is_null()) {
    to.reset();
  } else {
    read(from, to.emplace(), place);
  }
}

template <class T>
void read(const boost::json::value& from, std::vector<T>& to, const Place& place) {
  if (!from.is_array()) return place.expected("a list");
  to.clear();
  for (const auto& element : from.get_array()) {
    read(element, to.emplace_back(), place.at(to.size() - 1));
  }
}

template <class T>
void read(const boost::json::value& from, std::map<std::string, T>& to, const Place& place) {
  if (!from.is_object()) return place.expected("an object");
  to.clear();
  for (const auto& [key, element] : from.get_object()) {
    read(element, to[std::string(key)], place.at(std::string_view(key)));
  }
}

template <Mapped T>
void read(const boost::json::value& from, T& to, const Place& place) {
  if (!from.is_object()) return place.expected("an object");
  ObjectReader reader(from.get_object(), place);
  fields(reader, to);
  reader.refuse_unknown();
}

// A whole document; `T` starts with its defaults.
template <class T>
Result<T> read_document(const boost::json::value& from) {
  T out;
  std::optional<Error> error;
  read(from, out, Place(error, {}));
  if (error) return unexpected(std::move(*error));
  return out;
}

template <class T>
Result<T> read_text(std::string_view text) {
  WARREN_TRY(const auto value, parse(text));
  return read_document<T>(value);
}

}  // namespace warren::json
