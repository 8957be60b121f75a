#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace warren::io {

// An HTTP/1 response, as who asked reads it.
struct HttpAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // in their order
  std::string body;

  // The first field of that name, without regard to case; null when there is none.
  const std::string* find(std::string_view name) const;

  bool operator==(const HttpAnswer&) const = default;
};

struct HttpAnswerHead {
  HttpAnswer answer;     // without its body
  std::size_t size = 0;  // bytes of `received` that it took
};

// The head at the front of what was received, informational ones included; none while it is not
// complete. An error: it is no HTTP/1 response, or longer than kMaxHttpHead (io/http_request.h).
Result<std::optional<HttpAnswerHead>, DecodeError> parse_http_answer_head(ByteView received);

enum class MoreToCome : std::uint8_t { Yes, No };  // No: the connection was closed behind it

// The whole of it, chunked or not; none while it is not complete. An error also when its body is
// longer than `max_body`.
Result<std::optional<HttpAnswer>, DecodeError> parse_http_answer(ByteView received,
                                                                 MoreToCome more,
                                                                 std::size_t max_body);

}  // namespace warren::io
