#pragma once

#include "base/json_wire.h"
#include "proto/control/codec.h"
#include "proto/control/limits.h"

// What codec.h promises, for the two files that instantiate it.
namespace warren::control {

template <class T>
inline constexpr json::wire::Limits kLimitsOf = kRequestLimits;

template <class T>
Result<T> decode(std::string_view json) {
  return json::wire::read_text<T>(json, kLimitsOf<T>);
}

template <class T>
void append(std::string& out, const T& message) {
  json::Writer writer(out);
  write(writer, message);
}

}  // namespace warren::control
