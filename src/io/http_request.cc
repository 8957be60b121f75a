#include "io/http_request.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace warren::io {

namespace http = boost::beast::http;

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

HttpRequest to_request(const http::request<http::empty_body>& message) {
  HttpRequest out;
  out.method = std::string_view(message.method_string());
  out.target = std::string_view(message.target());
  out.is_http_1_1 = message.version() == 11;
  for (const auto& field : message) {
    out.fields.emplace_back(std::string_view(field.name_string()), std::string_view(field.value()));
  }
  return out;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

const std::string* HttpRequest::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
  return found == fields.end() ? nullptr : &found->second;
}

bool HttpRequest::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [field, value] : fields) {
    if (!equal_ignoring_case(field, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      if (equal_ignoring_case(trim(rest.substr(0, end)), token)) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return false;
}

bool HttpRequest::keeps_alive() const {
  const std::string* const length = find("Content-Length");
  const bool has_body =
      find("Transfer-Encoding") != nullptr || (length != nullptr && *length != "0");
  return is_http_1_1 && !has_body && !has_token("Connection", "close");
}

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

Result<std::optional<HttpHead>, DecodeError> parse_http_request(ByteView received) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHttpHead);
  parser.eager(false);
  parser.skip(true);  // the body is nobody's business here
  boost::system::error_code error;
  const std::size_t size =
      parser.put(boost::asio::const_buffer(received.data(), received.size()), error);
  if (error == http::error::need_more) {
    if (received.size() >= kMaxHttpHead) return unexpected(DecodeError::BadLength);
    return std::nullopt;
  }
  if (error == http::error::header_limit) return unexpected(DecodeError::BadLength);
  if (error) return unexpected(DecodeError::BadValue);
  if (!parser.is_header_done()) return std::nullopt;
  if (size > kMaxHttpHead) return unexpected(DecodeError::BadLength);
  return HttpHead{.request = to_request(parser.get()), .size = size};
}

}  // namespace warren::io
