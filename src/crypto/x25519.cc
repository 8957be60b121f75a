#include "crypto/x25519.h"

#include <sodium.h>

namespace warren {

bool x25519(SharedSecret& out,
            std::span<const std::uint8_t, kKeySize> private_key,
            std::span<const std::uint8_t, kKeySize> public_key) {
  SharedSecret product;  // the keys may lie in `out`
  const bool ok =
      crypto_scalarmult(product.mutable_bytes().data(), private_key.data(), public_key.data()) == 0;
  out = std::move(product);
  if (!ok) out.wipe();
  return ok;
}

}  // namespace warren
