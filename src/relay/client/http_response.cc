#include "relay/client/http_response.h"

#include <algorithm>
#include <string_view>

#include "relay/client/constants.h"

namespace warren::relay::client {

namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::size_t kStatusLine = 12;  // "HTTP/1.1 101"

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

Result<std::optional<HttpHead>, DecodeError> decode_http_head(ByteView stream) {
  const std::string_view text = as_text(stream);
  const std::size_t seen = std::min(text.size(), kVersion.size());
  if (text.substr(0, seen) != kVersion.substr(0, seen)) {
    return unexpected(DecodeError::NotThisMessage);
  }
  const std::size_t end = text.substr(0, kMaxHttpHead).find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (text.size() >= kMaxHttpHead) return unexpected(DecodeError::BadLength);
    return std::nullopt;
  }
  if (end < kStatusLine || !is_digit(text[7]) || text[8] != ' ' || !is_digit(text[9]) ||
      !is_digit(text[10]) || !is_digit(text[11]) ||
      (end > kStatusLine && text[12] != ' ' && text[12] != '\r')) {
    return unexpected(DecodeError::BadValue);
  }
  const int status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
  return HttpHead{.status = status, .size = end + 4};
}

}  // namespace warren::relay::client
