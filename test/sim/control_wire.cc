#include "sim/control_wire.h"

#include <utility>

#include "base/bytes.h"

namespace warren::sim {

std::vector<std::uint8_t> encode(const ControlMessage& message) {
  constexpr std::size_t kHead = 13;
  std::vector<std::uint8_t> out(kHead);
  out[0] = std::to_underlying(message.kind);
  store_be(out.data() + 1, message.number);
  store_be(out.data() + 9, message.status);
  store_be(out.data() + 11, static_cast<std::uint16_t>(message.path.size()));
  out.insert(out.end(), message.path.begin(), message.path.end());
  out.insert(out.end(), message.text.begin(), message.text.end());
  return out;
}

std::optional<ControlMessage> decode_control_message(ByteView bytes) {
  ByteReader in(bytes);
  ControlMessage out;
  out.kind = ControlKind{in.u8()};
  out.number = in.be64();
  out.status = in.be16();
  out.path = as_text(in.take(in.be16()));
  out.text = as_text(in.take(in.remaining()));
  if (!in.ok()) return std::nullopt;
  return out;
}

}  // namespace warren::sim
