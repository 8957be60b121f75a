#include "relay/http_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hex.h"
#include "proto/relay/frames.h"

namespace warren::relay {

namespace {

constexpr std::size_t kMaxChallenge = 64;  // paths section 2.7
constexpr std::string_view kHome =
    "<!doctype html><title>Warren relay</title>"
    "<p>This relay carries sealed packets between the machines of a network."
    " It cannot read them.</p>\n";
constexpr std::string_view kRobots = "User-agent: *\nDisallow: /\n";
constexpr std::string_view kNoCache =
    "Cache-Control: no-cache, no-store, must-revalidate, no-transform, max-age=0\r\n";

struct Response {
  std::string_view status;
  std::string fields;  // each with its line end
  std::string_view body;
};

std::string to_text(const Response& response, const io::HttpRequest& request) {
  // A 204 has no length (RFC 9110 section 8.6).
  const std::string length = response.status.starts_with("204")
                                 ? std::string()
                                 : fmt::format("Content-Length: {}\r\n", response.body.size());
  return fmt::format("HTTP/1.1 {}\r\n{}{}{}\r\n{}", response.status, response.fields, length,
                     request.keeps_alive() ? "" : "Connection: close\r\n",
                     request.method == "HEAD" ? "" : response.body);
}

Response page(std::string_view type, std::string_view body) {
  return {"200 OK", fmt::format("Content-Type: {}; charset=utf-8\r\n", type), body};
}

bool is_challenge(std::string_view text) {
  return text.size() <= kMaxChallenge && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(".:_-").contains(c);
         });
}

// Captive portals do not know the challenge.
Response generate_204(const io::HttpRequest& request) {
  Response out{"204 No Content", std::string(kNoCache), ""};
  const std::string* const challenge = request.find("X-Tailscale-Challenge");
  if (challenge != nullptr && !challenge->empty() && is_challenge(*challenge)) {
    out.fields += fmt::format("X-Tailscale-Response: response {}\r\n", *challenge);
  }
  return out;
}

Response respond(const io::HttpRequest& request) {
  const std::string_view path = request.path();
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (path == "/derp/probe" || path == "/derp/latency-check") {
    if (!is_read) return {"405 Method Not Allowed", "Allow: GET, HEAD\r\n", ""};
    return {"200 OK", "Access-Control-Allow-Origin: *\r\n", ""};
  }
  if (path == "/generate_204") return generate_204(request);
  if (!is_read) return {"405 Method Not Allowed", "Allow: GET, HEAD\r\n", ""};
  if (path == "/") return page("text/html", kHome);
  if (path == "/robots.txt") return page("text/plain", kRobots);
  return {"404 Not Found", "", ""};
}

}  // namespace

std::string answer_page(const io::HttpRequest& request) {
  return to_text(respond(request), request);
}

bool is_relay_path(const io::HttpRequest& request) {
  return request.path() == "/derp";
}

// A WebSocket without the protocol "derp" is a client of old that means DERP (paths section 2.1
// item 4). With it, it is one that we do not serve.
Upgrade upgrade_of(const io::HttpRequest& request) {
  const bool is_web_socket = request.has_token("Upgrade", "websocket") &&
                             !request.has_token("Sec-WebSocket-Protocol", "derp");
  if (request.method != "GET" || (!request.has_token("Upgrade", "derp") && !is_web_socket)) {
    return Upgrade::None;
  }
  const std::string* const fast = request.find("Derp-Fast-Start");
  return fast != nullptr && *fast == "1" ? Upgrade::FastStart : Upgrade::Plain;
}

std::string switching_protocols(const RelayPublicKey& key) {
  return fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n"
      "Derp-Version: {}\r\nDerp-Public-Key: {}\r\n\r\n",
      kProtocolVersion, to_hex(key.bytes()));
}

std::string upgrade_required() {
  return "HTTP/1.1 426 Upgrade Required\r\nUpgrade: DERP\r\nConnection: Upgrade, close\r\n"
         "Content-Length: 0\r\n\r\n";
}

std::string bad_request() {
  return "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace warren::relay
