#include "crypto/noise_ik.h"

#include <cstring>
#include <string_view>

#include "crypto/aead.h"
#include "crypto/x25519.h"

namespace warren {

namespace {

// Longer than a hash, so it is hashed to begin with (Noise revision 34 section 5.2).
constexpr std::string_view kProtocolName = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
constexpr std::size_t kSealedKeySize = kKeySize + kAeadTagSize;

void mix_hash(NoiseTranscript& transcript, ByteView said) {
  transcript.hash = blake2s({transcript.hash, said});
}

NoiseTranscript begin(ByteView prologue, const MachinePublicKey& responder) {
  NoiseTranscript out;
  out.hash = blake2s({as_bytes(kProtocolName)});
  out.chaining_key = SymmetricKey(out.hash);
  mix_hash(out, prologue);
  mix_hash(out, responder.bytes());
  return out;
}

// Mixes a Diffie-Hellman in and gives the key for the next sealed field.
template <class TagA, class TagB>
bool mix_key(NoiseTranscript& transcript,
             SymmetricKey& key,
             const PrivateKey<TagA>& ours,
             const PublicKey<TagB>& theirs) {
  SharedSecret shared;
  if (!x25519(shared, ours, theirs)) return false;
  kdf2(transcript.chaining_key, key, transcript.chaining_key.bytes(), shared.bytes());
  return true;
}

// Each handshake key seals one field only, hence counter 0.
void seal(NoiseTranscript& transcript,
          MutableByteView out,
          const SymmetricKey& key,
          ByteView plaintext) {
  aead_seal(out, key, 0, plaintext, transcript.hash);
  mix_hash(transcript, out);
}

bool open(NoiseTranscript& transcript,
          MutableByteView out,
          const SymmetricKey& key,
          ByteView ciphertext) {
  if (!aead_open(out, key, 0, ciphertext, transcript.hash)) return false;
  mix_hash(transcript, ciphertext);
  return true;
}

NoiseKeys split(const NoiseTranscript& transcript) {
  NoiseKeys out;
  kdf2(out.from_initiator, out.from_responder, transcript.chaining_key.bytes(), {});
  out.handshake_hash = transcript.hash;
  return out;
}

EphemeralPublicKey ephemeral_of(ByteView message) {
  std::array<std::uint8_t, kKeySize> bytes{};
  std::memcpy(bytes.data(), message.data(), kKeySize);
  return EphemeralPublicKey(bytes);
}

// A new ephemeral key, its public part at the front of `message`.
EphemeralPrivateKey write_ephemeral(MutableByteView message, Random& random) {
  auto out = EphemeralPrivateKey::generate(random);
  const EphemeralPublicKey ephemeral = out.public_key();
  std::memcpy(message.data(), ephemeral.bytes().data(), kKeySize);
  return out;
}

}  // namespace

std::optional<NoiseInitiation> noise_initiate(std::span<std::uint8_t, kNoiseInitiationSize> out,
                                              const MachinePrivateKey& own,
                                              const MachinePublicKey& responder,
                                              ByteView prologue,
                                              Random& random) {
  NoiseInitiation state{.ephemeral = write_ephemeral(out, random),
                        .transcript = begin(prologue, responder)};
  mix_hash(state.transcript, out.first<kKeySize>());
  SymmetricKey key;
  if (!mix_key(state.transcript, key, state.ephemeral, responder)) return std::nullopt;
  const MachinePublicKey own_public = own.public_key();
  seal(state.transcript, out.subspan<kKeySize, kSealedKeySize>(), key, own_public.bytes());
  if (!mix_key(state.transcript, key, own, responder)) return std::nullopt;
  seal(state.transcript, out.last<kAeadTagSize>(), key, {});
  return state;
}

std::optional<NoiseKeys> noise_finish(const NoiseInitiation& initiation,
                                      const MachinePrivateKey& own,
                                      std::span<const std::uint8_t, kNoiseResponseSize> response) {
  NoiseTranscript transcript{.chaining_key = initiation.transcript.chaining_key.clone(),
                             .hash = initiation.transcript.hash};
  const EphemeralPublicKey theirs = ephemeral_of(response);
  mix_hash(transcript, theirs.bytes());
  SymmetricKey key;
  if (!mix_key(transcript, key, initiation.ephemeral, theirs)) return std::nullopt;
  if (!mix_key(transcript, key, own, theirs)) return std::nullopt;
  if (!open(transcript, {}, key, response.last<kAeadTagSize>())) return std::nullopt;
  return split(transcript);
}

std::optional<NoiseAccepted> noise_accept(
    std::span<std::uint8_t, kNoiseResponseSize> out,
    const MachinePrivateKey& own,
    std::span<const std::uint8_t, kNoiseInitiationSize> message,
    ByteView prologue,
    Random& random) {
  NoiseTranscript transcript = begin(prologue, own.public_key());
  const EphemeralPublicKey theirs = ephemeral_of(message);
  mix_hash(transcript, theirs.bytes());
  SymmetricKey key;
  if (!mix_key(transcript, key, own, theirs)) return std::nullopt;
  std::array<std::uint8_t, kKeySize> initiator_bytes{};
  const auto sealed_key = message.subspan<kKeySize, kSealedKeySize>();
  if (!open(transcript, initiator_bytes, key, sealed_key)) return std::nullopt;
  const MachinePublicKey initiator(initiator_bytes);
  if (!mix_key(transcript, key, own, initiator)) return std::nullopt;
  if (!open(transcript, {}, key, message.last<kAeadTagSize>())) return std::nullopt;

  const EphemeralPrivateKey ephemeral = write_ephemeral(out, random);
  mix_hash(transcript, out.first<kKeySize>());
  if (!mix_key(transcript, key, ephemeral, theirs)) return std::nullopt;
  if (!mix_key(transcript, key, ephemeral, initiator)) return std::nullopt;
  seal(transcript, out.last<kAeadTagSize>(), key, {});
  return NoiseAccepted{.initiator = initiator, .keys = split(transcript)};
}

}  // namespace warren
