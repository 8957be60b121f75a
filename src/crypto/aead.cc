#include "crypto/aead.h"

#include <sodium.h>

#include "base/result.h"

namespace warren {
namespace {

using CounterNonce = std::array<std::uint8_t, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;

CounterNonce nonce_of(std::uint64_t counter) {
  CounterNonce nonce{};
  store_le(nonce.data() + 4, counter);
  return nonce;
}

// A text too short for a tag is input and refused; a wrong `out` is a bug.
bool sizes_allow_open(MutableByteView out, ByteView ciphertext) {
  if (ciphertext.size() < kAeadTagSize) {
    wipe(out);
    return false;
  }
  WARREN_CHECK(out.size() == ciphertext.size() - kAeadTagSize);
  return true;
}

}  // namespace

void aead_seal(MutableByteView out,
               const SymmetricKey& key,
               std::uint64_t counter,
               ByteView plaintext,
               ByteView aad) {
  WARREN_CHECK(out.size() == plaintext.size() + kAeadTagSize);
  const CounterNonce nonce = nonce_of(counter);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(),
                                            aad.data(), aad.size(), nullptr, nonce.data(),
                                            key.bytes().data());
}

bool aead_open(MutableByteView out,
               const SymmetricKey& key,
               std::uint64_t counter,
               ByteView ciphertext,
               ByteView aad) {
  if (!sizes_allow_open(out, ciphertext)) return false;
  const CounterNonce nonce = nonce_of(counter);
  const int failed = crypto_aead_chacha20poly1305_ietf_decrypt(
      out.data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(), aad.data(), aad.size(),
      nonce.data(), key.bytes().data());
  if (failed != 0) wipe(out);
  return failed == 0;
}

void xaead_seal(MutableByteView out,
                const SymmetricKey& key,
                std::span<const std::uint8_t, kXNonceSize> nonce,
                ByteView plaintext,
                ByteView aad) {
  WARREN_CHECK(out.size() == plaintext.size() + kAeadTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(),
                                             plaintext.size(), aad.data(), aad.size(), nullptr,
                                             nonce.data(), key.bytes().data());
}

bool xaead_open(MutableByteView out,
                const SymmetricKey& key,
                std::span<const std::uint8_t, kXNonceSize> nonce,
                ByteView ciphertext,
                ByteView aad) {
  if (!sizes_allow_open(out, ciphertext)) return false;
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      out.data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(), aad.data(), aad.size(),
      nonce.data(), key.bytes().data());
  if (failed != 0) wipe(out);
  return failed == 0;
}

}  // namespace warren
