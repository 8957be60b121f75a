#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

// What goes over the simulated control connection: requests and answers as values, where the real
// one has TLS, Noise and HTTP/2.
namespace warren::sim {

enum class ControlKind : std::uint8_t {
  Hello,   // node to server, first: `text` is the machine key, which Noise would prove
  Post,    // `path`, `text`
  Cancel,  // of a request
  Ping,
  Answer,  // server to node, whole: `status`, `text`
  Data,    // more of a long answer
  End,     // of a long answer
  Pong,
};

struct ControlMessage {
  ControlKind kind = ControlKind::Hello;
  std::uint64_t number = 0;  // of the request
  std::uint16_t status = 0;
  std::string path = {};
  std::string text = {};
};

std::vector<std::uint8_t> encode(const ControlMessage& message);
std::optional<ControlMessage> decode_control_message(ByteView bytes);

}  // namespace warren::sim
