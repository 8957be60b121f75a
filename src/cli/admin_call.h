#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/text_table.h"

namespace warren::cli {

// How a command prints: for people, or the answer as it came.
enum class Form : unsigned char { Text, Json };

// One request of an administrator's command, and its answer: printed as it came for Form::Json,
// else given to `print` as a T. Returns the exit code.
struct AdminCall {
  std::string_view command;  // "admin user add"
  std::string_view method;
  std::string target;
  std::string body;
};

template <class T>
int call_admin(Context& context,
               const AdminCall& call,
               Form form,
               const std::function<void(const T&)>& print) {
  const auto answer = LocalApi::admin(context).send(call.method, call.target, call.body);
  if (!answer) return fail_with(context, call.command, answer.error());
  if (form == Form::Json) {
    context.out << indented(*answer);
    return 0;
  }
  const auto read = read_answer<T>(*answer);
  if (!read) return fail_with(context, call.command, read.error());
  print(*read);
  return 0;
}

// An answer of which nothing is read.
struct Nothing {};

template <class Visitor, json::wire::Either<Nothing> Fields>
void fields(Visitor&, Fields&) {}

}  // namespace warren::cli
