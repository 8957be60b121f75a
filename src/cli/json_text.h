#pragma once

#include <string>
#include <string_view>

#include "base/json_wire.h"
#include "base/result.h"

namespace warren::cli {

// Of what a program on this machine answers: it is trusted, and a bound is still a bound.
inline constexpr json::wire::Limits kAnswerLimits{
    .bytes = std::size_t{256} << 20U, .depth = 32, .list = 1U << 20U};

// An answer as a struct with a field table; unknown members are left out.
template <class T>
Result<T> read_answer(std::string_view body) {
  auto out = json::wire::read_text<T>(body, kAnswerLimits);
  if (!out) return with_context("the answer is not what was expected", std::move(out.error()));
  return out;
}

// JSON for people and scripts: two spaces a level (or what is said), members in the order they
// came, a newline at the end. What is no JSON stays as it is.
std::string indented(std::string_view json, char filler = ' ', std::size_t per_level = 2);

// What the body of a refusal says: the `detail` of RFC 9457, an `error`, or the text itself.
std::string problem_of(std::string_view body);

}  // namespace warren::cli
