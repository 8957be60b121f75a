#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace warren::relay::client {

// The head of an HTTP/1.1 response (RFC 9112 section 4). Its fields say nothing we need.
struct HttpHead {
  int status = 0;
  std::size_t size = 0;  // with the empty line

  bool operator==(const HttpHead&) const = default;
};

// None while the head is not complete. BadLength when it is longer than kMaxHttpHead.
Result<std::optional<HttpHead>, DecodeError> decode_http_head(ByteView stream);

}  // namespace warren::relay::client
