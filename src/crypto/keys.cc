#include "crypto/keys.h"

#include <sodium.h>

#include "base/hex.h"
#include "base/result.h"

namespace warren {
namespace {

constexpr std::size_t kShortText = 8;  // 48 bits: enough to tell peers apart by eye

}  // namespace

template <class Tag>
std::string PublicKey<Tag>::short_text() const {
  return to_base64(bytes_).substr(0, kShortText);
}

template <class Tag>
PrivateKey<Tag> PrivateKey<Tag>::generate(Random& random) {
  PrivateKey key;
  const auto bytes = key.secret_.mutable_bytes();
  random.fill(bytes);
  // RFC 7748 section 5, decodeScalar25519.
  bytes[0] &= 0xf8;
  bytes[31] = static_cast<std::uint8_t>((bytes[31] & 0x7f) | 0x40);
  return key;
}

template <class Tag>
PublicKey<Tag> PrivateKey<Tag>::public_key() const {
  std::array<std::uint8_t, kKeySize> out{};
  WARREN_CHECK(crypto_scalarmult_base(out.data(), bytes().data()) == 0);
  return PublicKey<Tag>(out);
}

template class PublicKey<NodeKeyTag>;
template class PrivateKey<NodeKeyTag>;
template class PublicKey<EphemeralKeyTag>;
template class PrivateKey<EphemeralKeyTag>;
template class PublicKey<DiscoKeyTag>;
template class PrivateKey<DiscoKeyTag>;
template class PublicKey<RelayKeyTag>;
template class PrivateKey<RelayKeyTag>;
template class PublicKey<MachineKeyTag>;
template class PrivateKey<MachineKeyTag>;
template class PublicKey<ChallengeKeyTag>;
template class PrivateKey<ChallengeKeyTag>;

}  // namespace warren
