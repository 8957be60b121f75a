#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"

// Why storage failed, in classes that say what to do next (spec: server section 2.4).
namespace warren::db {

enum class Errc : std::uint8_t {
  Full,         // no space: the transaction is undone, it can be tried again when there is some
  ReadOnly,     // the file or its file system cannot be written
  Io,           // the system could not read or write
  Flush,        // the system could not make it durable: whether it was stored is not known
  Corrupt,      // the file is damaged, or is no database
  Busy,         // someone else holds the file, or a queue is full
  Constraint,   // the data breaks a rule of the schema
  Interrupted,  // a read took longer than it may
  Refused,      // we will not do this; the text says why and what helps
  Other,        // a mistake of ours, or of the statement
};

std::string_view to_string(Errc code);

struct Error {
  Errc code = Errc::Other;
  std::string detail;

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string detail) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail)});
}

// Adds what was being done, once, where it is known.
inline std::unexpected<Error> with_context(std::string_view doing, Error error) {
  error.detail.insert(0, std::string(doing) + ": ");
  return std::unexpected(std::move(error));
}

// An Error from errno.
Error system_error(std::string_view doing, int error_number);

// For callers whose results are not about storage.
warren::Error to_general(Error error);

}  // namespace warren::db
