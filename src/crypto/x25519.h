#pragma once

#include "crypto/keys.h"

namespace warren {

// RFC 7748 X25519. False when the result is all zero (a low-order point): the caller must abort the
// handshake, and `out` is wiped. The scalar is clamped here.
[[nodiscard]] bool x25519(SharedSecret& out,
                          std::span<const std::uint8_t, kKeySize> private_key,
                          std::span<const std::uint8_t, kKeySize> public_key);

template <class TagA, class TagB>
[[nodiscard]] bool x25519(SharedSecret& out,
                          const PrivateKey<TagA>& ours,
                          const PublicKey<TagB>& theirs) {
  return x25519(out, ours.bytes(), theirs.bytes());
}

}  // namespace warren
