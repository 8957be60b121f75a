#include "db/error.h"

#include <cerrno>

namespace warren::db {

namespace {

Errc class_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return Errc::Full;
    case EROFS:
    case EACCES:
    case EPERM:
      return Errc::ReadOnly;
    default:
      return Errc::Io;
  }
}

}  // namespace

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::Full:
      return "full";
    case Errc::ReadOnly:
      return "read-only";
    case Errc::Io:
      return "io";
    case Errc::Flush:
      return "flush";
    case Errc::Corrupt:
      return "corrupt";
    case Errc::Busy:
      return "busy";
    case Errc::Constraint:
      return "constraint";
    case Errc::Interrupted:
      return "interrupted";
    case Errc::Refused:
      return "refused";
    case Errc::Other:
      return "other";
  }
  return "unknown";
}

Error system_error(std::string_view doing, int error_number) {
  return {class_of(error_number), warren::errno_error(doing, error_number).detail};
}

warren::Error to_general(Error error) {
  using General = warren::Errc;
  switch (error.code) {
    case Errc::Full:
    case Errc::ReadOnly:
    case Errc::Busy:
      return {General::Unavailable, std::move(error.detail)};
    case Errc::Constraint:
      return {General::AlreadyExists, std::move(error.detail)};
    case Errc::Interrupted:
      return {General::Timeout, std::move(error.detail)};
    case Errc::Refused:
      return {General::InvalidArgument, std::move(error.detail)};
    case Errc::Io:
    case Errc::Flush:
    case Errc::Corrupt:
    case Errc::Other:
      return {General::Io, std::move(error.detail)};
  }
  return {General::Io, std::move(error.detail)};
}

}  // namespace warren::db
