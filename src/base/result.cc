#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace warren {

namespace {

Errc errc_of(int error_number) {
  switch (error_number) {
    case EPERM:
    case EACCES:
      return Errc::PermissionDenied;
    case ENOENT:
    case ENODEV:
    case ESRCH:
    case EADDRNOTAVAIL:
      return Errc::NotFound;
    case EEXIST:
    case EBUSY:
    case EADDRINUSE:
      return Errc::AlreadyExists;
    case EINVAL:
      return Errc::InvalidArgument;
    case EOPNOTSUPP:
    case ENOSYS:
    case EAFNOSUPPORT:
      return Errc::Unsupported;
    case EAGAIN:
    case ENOBUFS:
    case ENETUNREACH:
    case EHOSTUNREACH:
      return Errc::Unavailable;
    case ETIMEDOUT:
      return Errc::Timeout;
    default:
      return Errc::Io;
  }
}

}  // namespace

Error errno_error(std::string_view doing, int error_number) {
  return {errc_of(error_number),
          std::string(doing) + ": " + std::generic_category().message(error_number)};
}

std::string_view to_string(DecodeError error) {
  switch (error) {
    case DecodeError::Truncated:
      return "truncated";
    case DecodeError::BadLength:
      return "bad length";
    case DecodeError::NotThisMessage:
      return "not this message";
    case DecodeError::BadValue:
      return "bad value";
  }
  return "unknown";
}

void check_failed(const char* condition, const char* file, int line) {
  static_cast<void>(std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition));
  std::abort();
}

}  // namespace warren
