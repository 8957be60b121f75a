#pragma once

#include <optional>

#include "base/ip_address.h"
#include "base/random.h"
#include "base/time.h"
#include "crypto/blake2s.h"
#include "crypto/keys.h"
#include "proto/wireguard/messages.h"

// mac1 shows that the sender knows whom it talks to, mac2 that it receives at its address (spec:
// paths section 1.4).
namespace warren::wg {

// Keyed by the recipient's static public key.
SymmetricKey derive_mac1_key(const NodePublicKey& recipient);
SymmetricKey derive_cookie_key(const NodePublicKey& recipient);

// Of an initiation or response of exact length. Any thread: packet workers refuse what fails before
// they trouble the engine.
bool mac1_is_valid(const SymmetricKey& mac1_key, ByteView message);

using Cookie = Mac16;

// `mac1` is that of the message answered, which ties the reply to it.
wireguard::CookieReply seal_cookie(const SymmetricKey& cookie_key,
                                   std::uint32_t receiver,
                                   const std::array<std::uint8_t, 24>& nonce,
                                   const Cookie& cookie,
                                   const Mac16& mac1);

// The recipient's side: hands out cookies and checks them. A cookie is a MAC of the source address
// under a secret that lives 120 s, so it costs no memory.
class CookieChecker {
 public:
  explicit CookieChecker(Random& random) : random_(random) {}

  // What messages to this key are checked with. The cookie secret stays.
  void set_public_key(const NodePublicKey& own);

  const SymmetricKey& mac1_key() const { return mac1_key_; }

  bool mac2_is_valid(ByteView message, const Endpoint& from, TimePoint now);

  // To the sender of an initiation or response, which `sender` is the index of.
  wireguard::CookieReply reply(ByteView message,
                               std::uint32_t sender,
                               const Endpoint& from,
                               TimePoint now);

 private:
  Cookie cookie_of(const Endpoint& from, TimePoint now);

  Random& random_;
  SymmetricKey mac1_key_;
  SymmetricKey cookie_key_;
  SymmetricKey secret_;
  std::optional<TimePoint> secret_made_;
};

// The sender's side, one for each peer: signs messages to it and keeps the cookie it gave.
class MessageSigner {
 public:
  explicit MessageSigner(const NodePublicKey& recipient);

  // Fills mac1, and mac2 while a cookie is valid, of an encoded initiation or response.
  void sign(MutableByteView message, TimePoint now);

  // False when the reply does not belong to the last message signed, or a reply to it was taken
  // already.
  bool take(const wireguard::CookieReply& reply, TimePoint now);

 private:
  SymmetricKey mac1_key_;
  SymmetricKey cookie_key_;
  std::optional<Mac16> last_mac1_;  // none: no reply is awaited
  Cookie cookie_{};
  std::optional<TimePoint> cookie_received_;
};

}  // namespace warren::wg
