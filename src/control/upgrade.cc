#include "control/upgrade.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "io/http_response.h"
#include "proto/ts2021/handshake.h"

namespace warren::control {

namespace {

std::unexpected<std::string> refuse(unsigned status, std::string_view why) {
  return std::unexpected(io::http_response(status, "text/plain; charset=utf-8",
                                           fmt::format("{}\n", why), {{"Connection", "close"}}));
}

}  // namespace

std::expected<UpgradeRequest, std::string> check_upgrade(const io::HttpRequest& request) {
  if (request.find("Upgrade") == nullptr)
    return refuse(400, "this path is for machines: no upgrade is asked for");
  if (request.method == "GET" && request.has_token("Upgrade", "websocket")) {
    return refuse(501, "this server does not speak the control protocol over WebSocket");
  }
  if (!request.has_token("Upgrade", ts2021::kUpgradeProtocol)) {
    return refuse(400, "an upgrade to an unknown protocol is asked for");
  }
  if (request.method != "POST") return refuse(405, "the upgrade is a POST");
  const std::string* const handshake = request.find(ts2021::kHandshakeField);
  if (handshake == nullptr) return refuse(400, "the handshake is missing");
  UpgradeRequest out;
  if (!parse_base64(*handshake, out.initiation) || !ts2021::decode_initiation(out.initiation)) {
    return refuse(400, "the handshake is none");
  }
  return out;
}

std::string switching_protocols() {
  return fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: {}\r\nConnection: upgrade\r\n\r\n",
      ts2021::kUpgradeProtocol);
}

}  // namespace warren::control
