#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/p256.h"

// JSON Web Signatures as ACME wants them (RFC 8555 section 6.2): flattened, ES256.
namespace warren::acme {

// The public key as a JSON Web Key (RFC 7518 section 6.2), its members in the order of RFC 7638.
std::string to_jwk(const P256PublicKey& key);

// RFC 7638, in base64url.
std::string thumbprint(const P256PublicKey& key);

// RFC 8555 section 8.1.
std::string key_authorization(std::string_view token, const P256PublicKey& key);

struct JwsHeader {
  std::string url;
  std::string nonce;
  std::string account;  // its URL; empty: the request is signed by the key itself
};

// The body of a POST. An empty payload makes it a POST-as-GET.
std::string sign_jws(const P256PrivateKey& key, const JwsHeader& header, std::string_view payload);

}  // namespace warren::acme
