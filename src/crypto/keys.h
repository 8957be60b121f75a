#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/secret.h"

// One type per kind of key, from templates with a tag: a node key cannot be given where a disco key
// is wanted. A new kind is a tag here and an instantiation in keys.cc. All are Curve25519 keys of
// 32 bytes (RFC 7748) or 32-byte symmetric keys.
namespace warren {

inline constexpr std::size_t kKeySize = 32;

template <class Tag>
class PublicKey {
 public:
  PublicKey() = default;  // all zero: no key

  explicit PublicKey(const std::array<std::uint8_t, kKeySize>& bytes) : bytes_(bytes) {}

  std::span<const std::uint8_t, kKeySize> bytes() const { return bytes_; }

  bool is_zero() const { return bytes_ == std::array<std::uint8_t, kKeySize>{}; }

  // What logs and people see: the first characters of the base64 form.
  std::string short_text() const;

  auto operator<=>(const PublicKey&) const = default;

 private:
  std::array<std::uint8_t, kKeySize> bytes_{};
};

// The scalar is clamped when it is used (RFC 7748 section 5) and, by generate(), when it is made.
template <class Tag>
class PrivateKey {
 public:
  PrivateKey() = default;  // all zero: no key

  explicit PrivateKey(std::span<const std::uint8_t, kKeySize> bytes) : secret_(bytes) {}

  static PrivateKey generate(Random& random);

  PrivateKey clone() const { return PrivateKey(secret_.bytes()); }

  std::span<const std::uint8_t, kKeySize> bytes() const { return secret_.bytes(); }

  bool is_zero() const { return secret_.is_zero(); }

  PublicKey<Tag> public_key() const;

  void wipe() { secret_.wipe(); }

 private:
  Secret<kKeySize> secret_;
};

struct NodeKeyTag {};

struct EphemeralKeyTag {};

struct DiscoKeyTag {};

struct RelayKeyTag {};

struct MachineKeyTag {};

struct ChallengeKeyTag {};

// A node's WireGuard static key; also its identity at relays (spec: paths section 0.1).
using NodePublicKey = PublicKey<NodeKeyTag>;
using NodePrivateKey = PrivateKey<NodeKeyTag>;
// Lives for one handshake.
using EphemeralPublicKey = PublicKey<EphemeralKeyTag>;
using EphemeralPrivateKey = PrivateKey<EphemeralKeyTag>;

// Seals path probes; one process run long (spec: paths section 0.1).
using DiscoPublicKey = PublicKey<DiscoKeyTag>;
using DiscoPrivateKey = PrivateKey<DiscoKeyTag>;
// A relay server's (spec: paths section 0.1).
using RelayPublicKey = PublicKey<RelayKeyTag>;
using RelayPrivateKey = PrivateKey<RelayKeyTag>;
// Names an installation to the control server; the server's own Noise key is of this kind too
// (spec: control section 1).
using MachinePublicKey = PublicKey<MachineKeyTag>;
using MachinePrivateKey = PrivateKey<MachineKeyTag>;
// What a control server offers when a connection opens (spec: control section 2.8).
using ChallengePublicKey = PublicKey<ChallengeKeyTag>;
using ChallengePrivateKey = PrivateKey<ChallengeKeyTag>;

using SymmetricKey = Secret<kKeySize>;  // for an AEAD, a MAC or a chaining key
using SharedSecret = Secret<kKeySize>;  // what a Diffie-Hellman gives
using PresharedKey = Secret<kKeySize>;  // all zero: none

}  // namespace warren

template <class Tag>
// NOLINTNEXTLINE(cert-dcl58-cpp): the type is ours
struct std::hash<warren::PublicKey<Tag>> {
  std::size_t operator()(const warren::PublicKey<Tag>& key) const noexcept {
    // Good enough for tables of admitted keys: a stranger cannot choose which keys we hold.
    return warren::load_le<std::size_t>(key.bytes().data());
  }
};
