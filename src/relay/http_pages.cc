#include "relay/http_pages.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/hex.h"
#include "io/http_response.h"
#include "proto/relay/frames.h"
#include "relay/service.h"

namespace warren::relay {

namespace {

constexpr std::size_t kMaxChallenge = 64;  // paths section 2.7
constexpr std::string_view kHome =
    "<!doctype html><title>Warren relay</title>"
    "<p>This relay carries sealed packets between the machines of a network."
    " It cannot read them.</p>\n";
constexpr std::string_view kRobots = "User-agent: *\nDisallow: /\n";
constexpr std::string_view kNoCache =
    "no-cache, no-store, must-revalidate, no-transform, max-age=0";

bool is_read(const io::HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

std::string only_reads() {
  return io::http_response(405, "", "", {{"Allow", "GET, HEAD"}});
}

bool is_challenge(std::string_view text) {
  return text.size() <= kMaxChallenge && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(".:_-").contains(c);
         });
}

// Captive portals do not know the challenge.
std::string generate_204(const io::HttpRequest& request, const Endpoint& /*source*/) {
  io::HttpFields fields = {{"Cache-Control", std::string(kNoCache)}};
  const std::string* const challenge = request.find("X-Tailscale-Challenge");
  if (challenge != nullptr && !challenge->empty() && is_challenge(*challenge)) {
    fields.emplace_back("X-Tailscale-Response", "response " + *challenge);
  }
  return io::http_response(204, "", "", fields);
}

// Of use to whoever measures, from whatever page.
std::string latency_probe(const io::HttpRequest& request, const Endpoint& /*source*/) {
  if (!is_read(request)) return only_reads();
  return io::http_response(200, "", "", {{"Access-Control-Allow-Origin", "*"}});
}

io::HttpRoutes::Page text_page(std::string type, std::string_view body) {
  return [type = type + "; charset=utf-8", body](const io::HttpRequest& request, const Endpoint&) {
    return is_read(request) ? io::http_response(200, type, body) : only_reads();
  };
}

}  // namespace

void add_routes(io::HttpRoutes& routes, Service& service) {
  routes.take(
      "/derp",
      [&service](io::HttpConnection connection) { return service.serve(std::move(connection)); },
      io::HttpRoutes::Legs::TlsOnly);
  routes.page("/derp/probe", latency_probe);
  routes.page("/derp/latency-check", latency_probe);
  routes.page("/generate_204", generate_204);
  routes.page("/", text_page("text/html", kHome));
  routes.page("/robots.txt", text_page("text/plain", kRobots));
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
  return io::http_response(426, "", "", {{"Upgrade", "DERP"}, {"Connection", "Upgrade, close"}});
}

}  // namespace warren::relay
