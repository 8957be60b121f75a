#include "wg/cookie.h"

#include <cstring>

#include "base/secret.h"
#include "crypto/aead.h"
#include "wg/constants.h"

namespace warren::wg {

namespace {

constexpr std::string_view kMac1Label = "mac1----";
constexpr std::string_view kCookieLabel = "cookie--";

ByteView mac1_of(ByteView message) {
  return wireguard::covered_by_mac2(message).last(wireguard::kMacSize);
}

ByteView mac2_of(ByteView message) {
  return message.last(wireguard::kMacSize);
}

SymmetricKey derive(std::string_view label, const NodePublicKey& key) {
  return SymmetricKey(blake2s({as_bytes(label), key.bytes()}));
}

}  // namespace

SymmetricKey derive_mac1_key(const NodePublicKey& recipient) {
  return derive(kMac1Label, recipient);
}

SymmetricKey derive_cookie_key(const NodePublicKey& recipient) {
  return derive(kCookieLabel, recipient);
}

bool mac1_is_valid(const SymmetricKey& mac1_key, ByteView message) {
  const Mac16 expected = blake2s_mac16(mac1_key.bytes(), wireguard::covered_by_mac1(message));
  return equal_constant_time(expected, mac1_of(message));
}

wireguard::CookieReply seal_cookie(const SymmetricKey& cookie_key,
                                   std::uint32_t receiver,
                                   const std::array<std::uint8_t, 24>& nonce,
                                   const Cookie& cookie,
                                   const Mac16& mac1) {
  wireguard::CookieReply out{.receiver = receiver, .nonce = nonce};
  xaead_seal(out.encrypted_cookie, cookie_key, out.nonce, cookie, mac1);
  return out;
}

void CookieChecker::set_public_key(const NodePublicKey& own) {
  mac1_key_ = derive_mac1_key(own);
  cookie_key_ = derive_cookie_key(own);
}

bool CookieChecker::mac2_is_valid(ByteView message, const Endpoint& from, TimePoint now) {
  const Mac16 expected = blake2s_mac16(cookie_of(from, now), wireguard::covered_by_mac2(message));
  return equal_constant_time(expected, mac2_of(message));
}

wireguard::CookieReply CookieChecker::reply(ByteView message,
                                            std::uint32_t sender,
                                            const Endpoint& from,
                                            TimePoint now) {
  std::array<std::uint8_t, kXNonceSize> nonce{};
  random_.fill(nonce);
  Mac16 mac1{};
  std::memcpy(mac1.data(), mac1_of(message).data(), mac1.size());
  return seal_cookie(cookie_key_, sender, nonce, cookie_of(from, now), mac1);
}

Cookie CookieChecker::cookie_of(const Endpoint& from, TimePoint now) {
  if (!secret_made_ || now - *secret_made_ >= kCookieLifetime) {
    random_.fill(secret_.mutable_bytes());
    secret_made_ = now;
  }
  std::array<std::uint8_t, 18> source{};
  ByteWriter out(source);
  out.be16(from.port);
  out.bytes(from.address.bytes());
  return blake2s_mac16(secret_.bytes(), ByteView(source).first(out.written()));
}

MessageSigner::MessageSigner(const NodePublicKey& recipient)
    : mac1_key_(derive_mac1_key(recipient)), cookie_key_(derive_cookie_key(recipient)) {}

void MessageSigner::sign(MutableByteView message, TimePoint now) {
  const Mac16 mac1 = blake2s_mac16(mac1_key_.bytes(), wireguard::covered_by_mac1(message));
  std::memcpy(message.last(2 * wireguard::kMacSize).data(), mac1.data(), mac1.size());
  last_mac1_ = mac1;
  Mac16 mac2{};
  if (cookie_received_ && now - *cookie_received_ < kCookieLifetime) {
    mac2 = blake2s_mac16(cookie_, wireguard::covered_by_mac2(message));
  }
  std::memcpy(message.last(wireguard::kMacSize).data(), mac2.data(), mac2.size());
}

bool MessageSigner::take(const wireguard::CookieReply& reply, TimePoint now) {
  if (!last_mac1_) return false;
  Cookie cookie{};
  if (!xaead_open(cookie, cookie_key_, reply.nonce, reply.encrypted_cookie, *last_mac1_)) {
    return false;
  }
  last_mac1_.reset();
  cookie_ = cookie;
  cookie_received_ = now;
  return true;
}

}  // namespace warren::wg
