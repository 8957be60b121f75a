#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/random.h"
#include "crypto/blake2s.h"
#include "crypto/keys.h"

// Noise_IK_25519_ChaChaPoly_BLAKE2s without payloads: the initiator knows the responder's static
// key and proves its own (spec: control section 2.5). One message each way, without any framing.
// Every function fails as a whole when a Diffie-Hellman gives zero or something is not authentic.
// All secrets wipe themselves; nothing is allocated.
//
//   initiator                      responder
//   noise_initiate()  -- 96 bytes -->  noise_accept()
//   noise_finish()    <-- 48 bytes --
namespace warren {

inline constexpr std::size_t kNoiseInitiationSize = 96;  // ephemeral(32) static(32 + 16) tag(16)
inline constexpr std::size_t kNoiseResponseSize = 48;    // ephemeral(32) tag(16)

struct NoiseKeys {
  SymmetricKey from_initiator;
  SymmetricKey from_responder;
  Blake2sHash handshake_hash{};  // the same on both sides; no secret
};

// Noise's running values: the chaining key holds what was agreed, the hash what was said.
struct NoiseTranscript {
  SymmetricKey chaining_key;
  Blake2sHash hash{};
};

// What an initiator keeps until the response.
struct NoiseInitiation {
  EphemeralPrivateKey ephemeral;
  NoiseTranscript transcript;
};

// Writes the message to `out`. Both sides must give the same `prologue`.
std::optional<NoiseInitiation> noise_initiate(std::span<std::uint8_t, kNoiseInitiationSize> out,
                                              const MachinePrivateKey& own,
                                              const MachinePublicKey& responder,
                                              ByteView prologue,
                                              Random& random);

// `initiation` stays usable when the response is refused.
std::optional<NoiseKeys> noise_finish(const NoiseInitiation& initiation,
                                      const MachinePrivateKey& own,
                                      std::span<const std::uint8_t, kNoiseResponseSize> response);

struct NoiseAccepted {
  MachinePublicKey initiator;  // holds its private key; whether it may do anything is for others
  NoiseKeys keys;
};

// Writes the response to `out`, which is undefined when this fails.
std::optional<NoiseAccepted> noise_accept(
    std::span<std::uint8_t, kNoiseResponseSize> out,
    const MachinePrivateKey& own,
    std::span<const std::uint8_t, kNoiseInitiationSize> message,
    ByteView prologue,
    Random& random);

}  // namespace warren
