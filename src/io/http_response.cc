#include "io/http_response.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace warren::io {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

struct Reason {
  unsigned status;
  std::string_view text;
};

// RFC 9110 section 15; 426, 428, 429 and 431: RFC 6585 and RFC 9110 section 15.5.22.
constexpr std::array kReasons = {
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{422, "Unprocessable Content"},
    Reason{426, "Upgrade Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
};

bool is_printable(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

// Without the empty line at its end.
std::string head(unsigned status, std::string_view content_type, const HttpFields& fields) {
  const auto* const reason = std::ranges::find(kReasons, status, &Reason::status);
  // The space belongs to the line even when there is no reason (RFC 9112 section 4).
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\n", status, reason == kReasons.end() ? "" : reason->text);
  for (const auto& [name, value] : fields) {
    if (!is_printable(name) || !is_printable(value)) continue;
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
  }
  if (!content_type.empty()) {
    fmt::format_to(std::back_inserter(out), "Content-Type: {}\r\n", content_type);
  }
  return out;
}

}  // namespace

std::string http_response(unsigned status,
                          std::string_view content_type,
                          std::string_view body,
                          const HttpFields& fields) {
  std::string out = head(status, content_type, fields);
  // A 204 has neither length nor body (RFC 9110 section 8.6).
  if (status == 204) return out.append(kLineEnd);
  fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n\r\n", body.size());
  return out.append(body);
}

std::string http_stream_head(unsigned status,
                             std::string_view content_type,
                             const HttpFields& fields,
                             bool is_chunked) {
  std::string out = head(status, content_type, fields);
  if (is_chunked) out += "Transfer-Encoding: chunked\r\n";
  return out.append(kLineEnd);
}

std::string fit_response(std::string response, const HttpRequest& request, bool is_last) {
  const std::size_t head_end = response.find(kHeadEnd);
  if (head_end == std::string::npos) return response;
  if (request.method == "HEAD") response.resize(head_end + kHeadEnd.size());
  const bool says_so = std::string_view(response).substr(0, head_end).contains("\r\nConnection: ");
  if (is_last && !says_so) response.insert(head_end + kLineEnd.size(), "Connection: close\r\n");
  return response;
}

}  // namespace warren::io
