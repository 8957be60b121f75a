#include "wg/handshake.h"

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "crypto/aead.h"
#include "crypto/x25519.h"

namespace warren::wg {

namespace {

constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";

void set_hash(Transcript& transcript, std::initializer_list<ByteView> parts) {
  transcript.hash = Secret<32>(blake2s(parts));
}

void mix_hash(Transcript& transcript, ByteView said) {
  set_hash(transcript, {transcript.hash.bytes(), said});
}

void mix_key(Transcript& transcript, ByteView input) {
  kdf1(transcript.chaining_key, transcript.chaining_key.bytes(), input);
}

// The key for the next sealed field.
SymmetricKey mix_key_and_derive(Transcript& transcript, ByteView input) {
  SymmetricKey key;
  kdf2(transcript.chaining_key, key, transcript.chaining_key.bytes(), input);
  return key;
}

void seal(Transcript& transcript,
          MutableByteView out,
          const SymmetricKey& key,
          ByteView plaintext) {
  aead_seal(out, key, 0, plaintext, transcript.hash.bytes());
  mix_hash(transcript, out);
}

bool open(Transcript& transcript,
          MutableByteView out,
          const SymmetricKey& key,
          ByteView ciphertext) {
  if (!aead_open(out, key, 0, ciphertext, transcript.hash.bytes())) return false;
  mix_hash(transcript, ciphertext);
  return true;
}

// Both sides begin by naming the responder.
Transcript begin(const NodePublicKey& responder) {
  Transcript transcript = initial_transcript();
  mix_hash(transcript, responder.bytes());
  return transcript;
}

void mix_ephemeral(Transcript& transcript, ByteView ephemeral) {
  mix_key(transcript, ephemeral);
  mix_hash(transcript, ephemeral);
}

SymmetricKey mix_preshared_key(Transcript& transcript, const PresharedKey& preshared_key) {
  SymmetricKey tau;
  SymmetricKey key;
  kdf3(transcript.chaining_key, tau, key, transcript.chaining_key.bytes(), preshared_key.bytes());
  mix_hash(transcript, tau.bytes());
  return key;
}

TransportKeys derive_keys(const Transcript& transcript) {
  TransportKeys keys;
  kdf2(keys.from_initiator, keys.from_responder, transcript.chaining_key.bytes(), {});
  return keys;
}

template <std::size_t N>
std::array<std::uint8_t, N> to_array(std::span<const std::uint8_t, N> bytes) {
  std::array<std::uint8_t, N> out{};
  std::memcpy(out.data(), bytes.data(), N);
  return out;
}

}  // namespace

Transcript initial_transcript() {
  Transcript out;
  out.chaining_key = SymmetricKey(blake2s({as_bytes(kConstruction)}));
  set_hash(out, {out.chaining_key.bytes(), as_bytes(kIdentifier)});
  return out;
}

std::optional<CreatedInitiation> create_initiation(const Identities& identities,
                                                   std::uint32_t local_index,
                                                   const Tai64n& timestamp,
                                                   Random& random) {
  CreatedInitiation out;
  out.pending.local_index = local_index;
  out.pending.ephemeral = EphemeralPrivateKey::generate(random);
  wireguard::Initiation& message = out.message;
  message.sender = local_index;
  message.ephemeral = to_array(out.pending.ephemeral.public_key().bytes());

  Transcript& transcript = out.pending.transcript = begin(identities.peer);
  mix_ephemeral(transcript, message.ephemeral);
  SharedSecret shared;
  if (!x25519(shared, out.pending.ephemeral, identities.peer)) return std::nullopt;
  SymmetricKey key = mix_key_and_derive(transcript, shared.bytes());
  seal(transcript, message.encrypted_static, key, identities.own_public.bytes());
  key = mix_key_and_derive(transcript, identities.static_static.bytes());
  seal(transcript, message.encrypted_timestamp, key, timestamp);
  return out;
}

std::optional<OpenedInitiation> open_initiation(const wireguard::Initiation& message,
                                                const NodePrivateKey& own_private,
                                                const NodePublicKey& own_public) {
  OpenedInitiation out;
  out.remote_index = message.sender;
  out.ephemeral = EphemeralPublicKey(message.ephemeral);
  out.transcript = begin(own_public);
  mix_ephemeral(out.transcript, message.ephemeral);
  SharedSecret shared;
  if (!x25519(shared, own_private, out.ephemeral)) return std::nullopt;
  const SymmetricKey key = mix_key_and_derive(out.transcript, shared.bytes());
  std::array<std::uint8_t, kKeySize> initiator{};
  if (!open(out.transcript, initiator, key, message.encrypted_static)) return std::nullopt;
  out.initiator = NodePublicKey(initiator);
  return out;
}

std::optional<Tai64n> open_timestamp(OpenedInitiation& opened,
                                     const wireguard::Initiation& message,
                                     const SharedSecret& static_static) {
  const SymmetricKey key = mix_key_and_derive(opened.transcript, static_static.bytes());
  Tai64n timestamp{};
  if (!open(opened.transcript, timestamp, key, message.encrypted_timestamp)) return std::nullopt;
  return timestamp;
}

std::optional<CreatedResponse> create_response(const OpenedInitiation& opened,
                                               std::uint32_t local_index,
                                               const PresharedKey& preshared_key,
                                               Random& random) {
  CreatedResponse out;
  const auto ephemeral = EphemeralPrivateKey::generate(random);
  wireguard::Response& message = out.message;
  message.sender = local_index;
  message.receiver = opened.remote_index;
  message.ephemeral = to_array(ephemeral.public_key().bytes());

  Transcript transcript = opened.transcript.clone();
  mix_ephemeral(transcript, message.ephemeral);
  SharedSecret shared;
  if (!x25519(shared, ephemeral, opened.ephemeral)) return std::nullopt;
  mix_key(transcript, shared.bytes());
  if (!x25519(shared, ephemeral, opened.initiator)) return std::nullopt;
  mix_key(transcript, shared.bytes());
  const SymmetricKey key = mix_preshared_key(transcript, preshared_key);
  seal(transcript, message.encrypted_empty, key, {});
  out.keys = derive_keys(transcript);
  return out;
}

std::optional<TransportKeys> consume_response(const PendingInitiation& pending,
                                              const wireguard::Response& message,
                                              const NodePrivateKey& own_private,
                                              const PresharedKey& preshared_key) {
  const EphemeralPublicKey ephemeral(message.ephemeral);
  Transcript transcript = pending.transcript.clone();
  mix_ephemeral(transcript, message.ephemeral);
  SharedSecret shared;
  if (!x25519(shared, pending.ephemeral, ephemeral)) return std::nullopt;
  mix_key(transcript, shared.bytes());
  if (!x25519(shared, own_private, ephemeral)) return std::nullopt;
  mix_key(transcript, shared.bytes());
  const SymmetricKey key = mix_preshared_key(transcript, preshared_key);
  if (!open(transcript, {}, key, message.encrypted_empty)) return std::nullopt;
  return derive_keys(transcript);
}

}  // namespace warren::wg
