#include "control/pages.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/http_response.h"
#include "proto/control/codec.h"
#include "proto/control/key_response.h"

namespace warren::control {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

// Nothing here is kept by browsers, shown inside another page, or runs anything.
io::HttpFields page_fields() {
  return {
      {"Cache-Control", "no-store"},
      {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
      {"Referrer-Policy", "no-referrer"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
  };
}

bool is_read(const io::HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

std::string not_allowed() {
  return io::http_response(405, kText, "only GET is served here\n", {{"Allow", "GET, HEAD"}});
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
    }
  }
  return out;
}

// The value of `v` in the target's query: a number; machines say their version there.
bool names_version(const io::HttpRequest& request) {
  const std::string_view target = request.target;
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    const std::size_t end = target.find('&', at + 1);
    const std::string_view pair = target.substr(at + 1, end - at - 1);
    if (pair.starts_with("v=")) {
      const std::string_view value = pair.substr(2);
      return !value.empty() && value.size() <= 5 &&
             std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    }
    at = end;
  }
  return false;
}

}  // namespace

std::string key_page(const io::HttpRequest& request, const MachinePublicKey& key) {
  if (!is_read(request)) return not_allowed();
  if (!names_version(request)) {
    return io::http_response(400, kText, "the client's version is missing: /key?v=NUMBER\n");
  }
  KeyResponse response;
  response.public_key = key;
  return io::http_response(200, "application/json", encode(response),
                           {{"Cache-Control", "no-store"}});
}

std::string register_page(const io::HttpRequest& request, const PendingLogin* login) {
  if (!is_read(request)) return not_allowed();
  if (login == nullptr) {
    return io::http_response(404, kText,
                             "No machine waits for approval here: it was approved already, or the "
                             "link is too old. Run \"up\" on the machine again for a new one.\n",
                             page_fields());
  }
  const std::vector<std::string>& tags = login->machine.requested_tags;
  const std::string body = fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>Approve a machine</title>"
      "<style>body{{font:1rem/1.5 sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}"
      "code{{background:#eee;padding:.5rem;display:block;overflow-x:auto}}</style>"
      "<h1>A machine wants to join</h1>"
      "<p>It calls itself <b>{}</b>{}.</p>"
      "<p>To approve this machine, run on the server:</p>"
      "<code>warren admin login approve {}{}</code>"
      "<p>Do so only if the machine is yours and shows this very link now.</p></html>\n",
      escaped(login->machine.hostname.empty() ? "(no name)" : login->machine.hostname),
      tags.empty()
          ? ""
          : fmt::format(" and asks for {}", escaped(fmt::to_string(fmt::join(tags, ", ")))),
      escaped(login->id), tags.empty() ? " --user NAME" : "");
  return io::http_response(200, "text/html; charset=utf-8", body, page_fields());
}

}  // namespace warren::control
