#pragma once

#include <cstdint>
#include <optional>

#include "base/random.h"
#include "crypto/blake2s.h"
#include "crypto/keys.h"
#include "proto/wireguard/messages.h"
#include "wg/tai64n.h"

// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (spec: paths section 1.3). Pure over
// crypto: no time, no tables. Every function fails as a whole when a Diffie-Hellman gives zero or
// something is not authentic. All secrets wipe themselves.
namespace warren::wg {

// Noise's running values: the chaining key holds what was agreed, the hash what was said.
struct Transcript {
  SymmetricKey chaining_key;
  Secret<32> hash;

  Transcript clone() const { return {chaining_key.clone(), hash.clone()}; }
};

// Who talks with whom. Borrowed for the call.
struct Identities {
  const NodePrivateKey& own_private;
  const NodePublicKey& own_public;
  const NodePublicKey& peer;
  const SharedSecret& static_static;  // Diffie-Hellman of own_private and peer
};

// T1 and T2.
struct TransportKeys {
  SymmetricKey from_initiator;
  SymmetricKey from_responder;
};

// What an initiator keeps until the response.
struct PendingInitiation {
  std::uint32_t local_index = 0;
  EphemeralPrivateKey ephemeral;
  Transcript transcript;
};

struct CreatedInitiation {
  PendingInitiation pending;
  wireguard::Initiation message;  // without macs
};

std::optional<CreatedInitiation> create_initiation(const Identities& identities,
                                                   std::uint32_t local_index,
                                                   const Tai64n& timestamp,
                                                   Random& random);

// What a responder learns from an initiation, up to the response.
struct OpenedInitiation {
  std::uint32_t remote_index = 0;
  EphemeralPublicKey ephemeral;
  NodePublicKey initiator;  // a claim, until open_timestamp() succeeds
  Transcript transcript;
};

// First step: who is it?
std::optional<OpenedInitiation> open_initiation(const wireguard::Initiation& message,
                                                const NodePrivateKey& own_private,
                                                const NodePublicKey& own_public);

// Second step, with the Diffie-Hellman of both static keys: proves the initiator.
std::optional<Tai64n> open_timestamp(OpenedInitiation& opened,
                                     const wireguard::Initiation& message,
                                     const SharedSecret& static_static);

struct CreatedResponse {
  wireguard::Response message;  // without macs
  TransportKeys keys;
};

std::optional<CreatedResponse> create_response(const OpenedInitiation& opened,
                                               std::uint32_t local_index,
                                               const PresharedKey& preshared_key,
                                               Random& random);

// `pending` stays usable when the response is refused.
std::optional<TransportKeys> consume_response(const PendingInitiation& pending,
                                              const wireguard::Response& message,
                                              const NodePrivateKey& own_private,
                                              const PresharedKey& preshared_key);

// The transcript both sides begin with: C0 and H0, without the responder's key.
Transcript initial_transcript();

}  // namespace warren::wg
