#pragma once

#include "base/bytes.h"
#include "crypto/keys.h"

// One-shot AEADs for handshakes and control messages. Packets use crypto/packet_cipher.h.
namespace warren {

inline constexpr std::size_t kAeadTagSize = 16;
inline constexpr std::size_t kXNonceSize = 24;

// ChaCha20-Poly1305 (RFC 8439), nonce = four zero bytes and the counter in little-endian order
// (WireGuard, Noise). `out` holds exactly plaintext.size() + kAeadTagSize bytes and may start where
// the plaintext starts.
void aead_seal(MutableByteView out,
               const SymmetricKey& key,
               std::uint64_t counter,
               ByteView plaintext,
               ByteView aad);

// `out` holds exactly ciphertext.size() - kAeadTagSize bytes. False when it is not authentic; `out`
// is then zero.
[[nodiscard]] bool aead_open(MutableByteView out,
                             const SymmetricKey& key,
                             std::uint64_t counter,
                             ByteView ciphertext,
                             ByteView aad);

// XChaCha20-Poly1305 with a 24-byte nonce, otherwise alike.
void xaead_seal(MutableByteView out,
                const SymmetricKey& key,
                std::span<const std::uint8_t, kXNonceSize> nonce,
                ByteView plaintext,
                ByteView aad);
[[nodiscard]] bool xaead_open(MutableByteView out,
                              const SymmetricKey& key,
                              std::span<const std::uint8_t, kXNonceSize> nonce,
                              ByteView ciphertext,
                              ByteView aad);

}  // namespace warren
