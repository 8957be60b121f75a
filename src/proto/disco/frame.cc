#include "proto/disco/frame.h"

#include <algorithm>

namespace warren::disco {

namespace {

constexpr std::array<std::uint8_t, kMagicSize> kMagic = {0x54, 0x53, 0xF0, 0x9F,
                                                         0x92, 0xAC};  // spec: paths section 4.1
constexpr std::size_t kMessageHeaderSize = 2;  // type and version (spec: paths section 4.1)

}  // namespace

bool looks_like_frame(ByteView datagram) {
  return datagram.size() >= kMagicSize + kKeySize &&
         std::ranges::equal(datagram.first(kMagicSize), kMagic);
}

Result<Frame, DecodeError> decode_frame(ByteView datagram) {
  ByteReader in(datagram);
  const ByteView magic = in.take(kMagicSize);
  Frame out;
  out.sender = DiscoPublicKey(in.array<kKeySize>());
  out.nonce = in.array<kBoxNonceSize>();
  out.box = in.rest();
  if (!in.ok() || out.box.size() < kBoxOverhead + kMessageHeaderSize) {
    return unexpected(DecodeError::Truncated);
  }
  if (!std::ranges::equal(magic, kMagic)) return unexpected(DecodeError::NotThisMessage);
  return out;
}

void seal_frame(MutableByteView out,
                const DiscoPublicKey& sender,
                std::span<const std::uint8_t, kBoxNonceSize> nonce,
                const BoxKey& key,
                ByteView payload) {
  WARREN_CHECK(out.size() == payload.size() + kFrameOverhead);
  ByteWriter writer(out);
  writer.bytes(kMagic);
  writer.bytes(sender.bytes());
  writer.bytes(nonce);
  key.seal(out.subspan(writer.written()), nonce, payload);
}

}  // namespace warren::disco
