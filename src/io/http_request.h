#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace warren::io {

// The head of an HTTP/1 request. Fields in their order; names as they were sent.
struct HttpRequest {
  std::string method;
  std::string target;
  bool is_http_1_1 = false;
  std::vector<std::pair<std::string, std::string>> fields;

  // The first field of that name, without regard to case; null when there is none.
  const std::string* find(std::string_view name) const;
  // Whether a comma-separated field (Connection, Upgrade) holds the token, without regard to case.
  bool has_token(std::string_view name, std::string_view token) const;
  // Whether another request may follow on the connection (RFC 9112 section 9.3). Bodies are not
  // read here: after a request that has one, none may.
  bool keeps_alive() const;
  // The target without its query.
  std::string_view path() const;

  bool operator==(const HttpRequest&) const = default;
};

inline constexpr std::size_t kMaxHttpHead = 8192;

struct HttpHead {
  HttpRequest request;
  std::size_t size = 0;  // bytes of `received` that it took
};

// The head at the front of what was received; none while it is not complete. An error: it is no
// HTTP/1 request, or longer than kMaxHttpHead.
Result<std::optional<HttpHead>, DecodeError> parse_http_request(ByteView received);

// Whether both are the same text but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace warren::io
