#include "io/http_answer.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "io/http_request.h"

namespace warren::io {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

HttpAnswer to_answer(const http::fields& fields, unsigned status) {
  HttpAnswer out;
  out.status = status;
  for (const auto& field : fields) {
    out.fields.emplace_back(std::string_view(field.name_string()), std::string_view(field.value()));
  }
  return out;
}

DecodeError to_decode_error(const error_code& error) {
  const bool is_long = error == http::error::header_limit || error == http::error::body_limit;
  if (error == http::error::partial_message) return DecodeError::Truncated;
  return is_long ? DecodeError::BadLength : DecodeError::BadValue;
}

boost::asio::const_buffer buffer(ByteView bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

const std::string* HttpAnswer::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
  return found == fields.end() ? nullptr : &found->second;
}

Result<std::optional<HttpAnswerHead>, DecodeError> parse_http_answer_head(ByteView received) {
  http::response_parser<http::empty_body> parser;
  parser.header_limit(kMaxHttpHead);
  parser.eager(false);
  parser.skip(true);
  error_code error;
  const std::size_t size = parser.put(buffer(received), error);
  if (error == http::error::need_more) {
    if (received.size() >= kMaxHttpHead) return unexpected(DecodeError::BadLength);
    return std::nullopt;
  }
  if (error) return unexpected(to_decode_error(error));
  if (!parser.is_header_done()) return std::nullopt;
  if (size > kMaxHttpHead) return unexpected(DecodeError::BadLength);
  return HttpAnswerHead{.answer = to_answer(parser.get(), parser.get().result_int()), .size = size};
}

Result<std::optional<HttpAnswer>, DecodeError> parse_http_answer(ByteView received,
                                                                 MoreToCome more,
                                                                 std::size_t max_body) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxHttpHead);
  parser.body_limit(max_body);
  parser.eager(true);
  error_code error;
  while (!received.empty() && !parser.is_done()) {
    const std::size_t taken = parser.put(buffer(received), error);
    if (error == http::error::need_more) break;
    if (error) return unexpected(to_decode_error(error));
    if (taken == 0) break;
    received = received.subspan(taken);
  }
  if (!parser.is_done()) {
    if (more == MoreToCome::Yes) return std::nullopt;
    if (!parser.is_header_done()) return unexpected(DecodeError::Truncated);
    parser.put_eof(error);
    if (error) return unexpected(to_decode_error(error));
  }
  auto message = parser.release();
  HttpAnswer out = to_answer(message, message.result_int());
  out.body = std::move(message.body());
  return out;
}

}  // namespace warren::io
