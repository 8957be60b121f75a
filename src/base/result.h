#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

// Failures are values. Result<T> is for everything that can fail for a reason a person should read;
// decoders return Result<T, DecodeError>, which costs one byte and no allocation.
namespace warren {

enum class Errc : std::uint8_t {
  InvalidArgument,   // what the user or the configuration said makes no sense
  NotFound,          // the named thing does not exist
  AlreadyExists,     // the name or address is in use
  PermissionDenied,  // the operating system refused
  Unsupported,       // this system or build cannot do it
  Unavailable,       // cannot be done now; trying again may help
  Timeout,
  Io,  // any other failure of the operating system
};

// `detail` says what was being done, to what, and why it failed; where a person can mend it, how.
struct Error {
  Errc code = Errc::Io;
  std::string detail;

  bool operator==(const Error&) const = default;
};

template <class T, class E = Error>
using Result = std::expected<T, E>;

using std::unexpected;

inline std::unexpected<Error> fail(Errc code, std::string detail) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail)});
}

// Adds what was being done, once, where it is known: "open /dev/net/tun: permission denied".
inline std::unexpected<Error> with_context(std::string_view doing, Error error) {
  error.detail.insert(0, std::string(doing) + ": ");
  return std::unexpected(std::move(error));
}

// An Error from errno, with the system's own text for it.
Error errno_error(std::string_view doing, int error_number);

// Why bytes are not the message they were taken for. Kept flat: a caller counts it, a person never
// reads it.
enum class DecodeError : std::uint8_t {
  Truncated,       // ends before the format does
  BadLength,       // a length disagrees with the bytes that are there
  NotThisMessage,  // magic, type or version of something else
  BadValue,        // a field holds what the format forbids
};

std::string_view to_string(DecodeError error);

}  // namespace warren

#define WARREN_CONCAT_INNER(a, b) a##b
#define WARREN_CONCAT(a, b) WARREN_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): names and declarations can't be parenthesised
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a result's name cannot be
// parenthesised

// WARREN_TRY(auto x, f()); declares x, or returns f()'s error from this function.
#define WARREN_TRY(declaration, expression) \
  WARREN_TRY_INNER(WARREN_CONCAT(warren_try_, __LINE__), declaration, expression)
#define WARREN_TRY_INNER(result, declaration, expression)           \
  auto result = (expression);                                       \
  if (!result) return ::std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)

// WARREN_TRY_VOID(f()); for a Result<void>.
#define WARREN_TRY_VOID(expression) \
  WARREN_TRY_VOID_INNER(WARREN_CONCAT(warren_try_, __LINE__), expression)
#define WARREN_TRY_VOID_INNER(result, expression) \
  if (auto result = (expression); !result) return ::std::unexpected(std::move(result).error())
// NOLINTEND(bugprone-macro-parentheses)

// NOLINTEND(bugprone-macro-parentheses)

// Our own invariants, in every build. Never for input: a peer cannot make this fire.
#define WARREN_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::warren::check_failed(#condition, __FILE__, __LINE__))

namespace warren {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}
