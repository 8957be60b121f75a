#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/box.h"
#include "crypto/keys.h"

// The outer frame of every path probe (spec: paths section 4.1):
//
//   magic(6) sender's disco key(32) nonce(24) box(16 + payload)
namespace warren::disco {

inline constexpr std::size_t kMagicSize = 6;
inline constexpr std::size_t kFrameOverhead = kMagicSize + kKeySize + kBoxNonceSize + kBoxOverhead;

struct Frame {
  DiscoPublicKey sender;
  std::array<std::uint8_t, kBoxNonceSize> nonce{};
  ByteView box;  // borrowed from the datagram
};

// What a datagram claims to be (spec: paths section 0.2, row 4).
bool looks_like_frame(ByteView datagram);

// A frame whose box could hold a message header.
Result<Frame, DecodeError> decode_frame(ByteView datagram);

// `out` holds exactly payload.size() + kFrameOverhead bytes.
void seal_frame(MutableByteView out,
                const DiscoPublicKey& sender,
                std::span<const std::uint8_t, kBoxNonceSize> nonce,
                const BoxKey& key,
                ByteView payload);

}  // namespace warren::disco
