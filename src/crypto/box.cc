#include "crypto/box.h"

#include <sodium.h>

#include "base/result.h"

namespace warren {

bool BoxKey::init(std::span<const std::uint8_t, kKeySize> private_key,
                  std::span<const std::uint8_t, kKeySize> public_key) {
  const int failed =
      crypto_box_beforenm(key_.mutable_bytes().data(), public_key.data(), private_key.data());
  if (failed != 0) key_.wipe();
  return failed == 0;
}

void BoxKey::seal(MutableByteView out,
                  std::span<const std::uint8_t, kBoxNonceSize> nonce,
                  ByteView plaintext) const {
  WARREN_CHECK(out.size() == plaintext.size() + kBoxOverhead);
  WARREN_CHECK(crypto_box_easy_afternm(out.data(), plaintext.data(), plaintext.size(), nonce.data(),
                                       key_.bytes().data()) == 0);
}

bool BoxKey::open(MutableByteView out,
                  std::span<const std::uint8_t, kBoxNonceSize> nonce,
                  ByteView box) const {
  const bool sized = box.size() >= kBoxOverhead;
  WARREN_CHECK(!sized || out.size() == box.size() - kBoxOverhead);
  const bool ok = sized && crypto_box_open_easy_afternm(out.data(), box.data(), box.size(),
                                                        nonce.data(), key_.bytes().data()) == 0;
  if (!ok) wipe(out);
  return ok;
}

}  // namespace warren
