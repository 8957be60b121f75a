#pragma once

#include "base/bytes.h"
#include "crypto/keys.h"

// NaCl box: X25519 and XSalsa20-Poly1305, as disco and the relay login use it (spec: paths
// sections 2.3 and 4.1).
namespace warren {

inline constexpr std::size_t kBoxNonceSize = 24;
inline constexpr std::size_t kBoxOverhead = 16;

// The precomputed key of one pair. Both sides compute the same.
class BoxKey {
 public:
  // False when the public key is a low-order point.
  [[nodiscard]] bool init(std::span<const std::uint8_t, kKeySize> private_key,
                          std::span<const std::uint8_t, kKeySize> public_key);

  // `out` holds exactly plaintext.size() + kBoxOverhead bytes.
  void seal(MutableByteView out,
            std::span<const std::uint8_t, kBoxNonceSize> nonce,
            ByteView plaintext) const;

  // `out` holds exactly box.size() - kBoxOverhead bytes. False when it is not authentic.
  [[nodiscard]] bool open(MutableByteView out,
                          std::span<const std::uint8_t, kBoxNonceSize> nonce,
                          ByteView box) const;

  std::span<const std::uint8_t, kKeySize> bytes() const { return key_.bytes(); }

 private:
  SymmetricKey key_;
};

}  // namespace warren
