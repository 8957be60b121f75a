#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

// The form of OpenSSL's type, so that its headers stay in the source files.
struct evp_pkey_st;

namespace warren {

inline constexpr std::size_t kP256CoordinateSize = 32;

struct P256PublicKey {
  std::array<std::uint8_t, kP256CoordinateSize> x{};  // big-endian, as in RFC 7518 section 6.2.1
  std::array<std::uint8_t, kP256CoordinateSize> y{};

  bool operator==(const P256PublicKey&) const = default;
};

// R and S, each 32 bytes big-endian (RFC 7518 section 3.4).
using Es256Signature = std::array<std::uint8_t, 2 * kP256CoordinateSize>;

// ECDSA on P-256 with SHA-256, "ES256": the key of an ACME account, and of a certificate. OpenSSL
// draws the numbers that the key and each signature need from its own generator.
class P256PrivateKey {
 public:
  static Result<P256PrivateKey> generate();
  // PKCS#8 or SEC 1, not encrypted.
  static Result<P256PrivateKey> from_pem(std::string_view pem);

  std::string to_pem() const;  // PKCS#8
  P256PublicKey public_key() const;
  Es256Signature sign(ByteView message) const;

  // For X.509; borrowed.
  evp_pkey_st* get() const { return key_.get(); }

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };

  explicit P256PrivateKey(evp_pkey_st* key) : key_(key) {}

  std::unique_ptr<evp_pkey_st, Free> key_;
};

// False also when the key is no point of the curve.
bool verify_es256(const P256PublicKey& key, ByteView message, const Es256Signature& signature);

}  // namespace warren
