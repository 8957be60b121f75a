#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/json_wire_place.h"
#include "base/json_wire_read.h"
#include "base/json_wire_write.h"
#include "base/result.h"
#include "base/time.h"

// JSON of protocols that others speak too, as Go's encoding/json reads and writes it (spec: control
// section 6): lenient in, exact out. json_map.h is the strict sibling for configuration.
//
// Reading: unknown keys are ignored, keys match without regard to case, null leaves a member as it
// is; a value of the wrong type, an integer that is none and a list over the limit are errors,
// which say where. Writing goes straight to text.
//
// One table maps a struct both ways. It is a function beside the struct:
//   template <class Visitor, Either<Login> Fields>
//   void fields(Visitor& visit, Fields& x) { visit.always("ID", x.id); visit("Name", x.name); … }
// visit() leaves a zero value out (false, 0, empty, no value); always() writes it: a list as [], a
// key or time as its zero text, an optional as null. Where absent and empty differ the member is an
// optional list.
namespace warren::json::wire {

// A struct, to be read or to be written.
template <class T, class Struct>
concept Either = std::same_as<std::remove_const_t<T>, Struct>;

// The members of `T` that the text has; the others keep their defaults.
template <class T>
Result<T> read_text(std::string_view text, const Limits& limits) {
  T out;
  Report report{.limits = limits, .error = {}};
  parse(text, report, [&](const boost::json::value& value) { read(value, out, Place(report)); });
  if (report.error) return unexpected(std::move(*report.error));
  return out;
}

template <class T>
std::string write_text(const T& value) {
  std::string out;
  Writer writer(out);
  write(writer, value);
  return out;
}

}  // namespace warren::json::wire
