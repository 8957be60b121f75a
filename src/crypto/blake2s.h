#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"
#include "crypto/keys.h"

// BLAKE2s (RFC 7693), HMAC (RFC 2104) over it, and WireGuard's key derivation (spec: paths
// section 1.1). Thread-safe: each thread keeps its own library contexts.
namespace warren {

using Blake2sHash = std::array<std::uint8_t, 32>;
using Mac16 = std::array<std::uint8_t, 16>;

// BLAKE2s-256 of the parts one after another.
Blake2sHash blake2s(std::initializer_list<ByteView> parts);

// BLAKE2s with 16-byte output, keyed (up to 32 bytes of key): WireGuard's MAC1 and MAC2.
Mac16 blake2s_mac16(ByteView key, ByteView data);

// HMAC with BLAKE2s-256, block size 64.
void hmac_blake2s(SymmetricKey& out, ByteView key, std::initializer_list<ByteView> parts);

// KDF_n of WireGuard: HKDF with empty info. Outputs may alias `key`.
void kdf1(SymmetricKey& t1, ByteView key, ByteView input);
void kdf2(SymmetricKey& t1, SymmetricKey& t2, ByteView key, ByteView input);
void kdf3(SymmetricKey& t1, SymmetricKey& t2, SymmetricKey& t3, ByteView key, ByteView input);

}  // namespace warren
