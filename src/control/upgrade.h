#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>

#include "base/bytes.h"
#include "io/http_request.h"
#include "proto/ts2021/frames.h"

// The HTTP/1.1 request that a machine's connection begins with (spec: control section 2.3).
namespace warren::control {

// What a client sends in it, base64 taken off: the initiation, if it is one.
struct UpgradeRequest {
  std::array<std::uint8_t, ts2021::kInitiationSize> initiation{};
};

// Otherwise the whole response that says why not. The variant over WebSocket, which only browsers
// use (section 2.4), is one that we do not serve: 501.
std::expected<UpgradeRequest, std::string> check_upgrade(const io::HttpRequest& request);

// The head of the response; frames follow it.
std::string switching_protocols();

}  // namespace warren::control
