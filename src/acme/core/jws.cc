#include "acme/core/jws.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_object.h"
#include "crypto/sha256.h"

namespace warren::acme {

std::string to_jwk(const P256PublicKey& key) {
  return fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})", to_base64url(key.x),
                     to_base64url(key.y));
}

std::string thumbprint(const P256PublicKey& key) {
  return to_base64url(sha256(as_bytes(to_jwk(key))));
}

std::string key_authorization(std::string_view token, const P256PublicKey& key) {
  return fmt::format("{}.{}", token, thumbprint(key));
}

std::string sign_jws(const P256PrivateKey& key, const JwsHeader& header, std::string_view payload) {
  json::ObjectText text;
  text.text("alg", "ES256");
  if (header.account.empty()) {
    text.json("jwk", to_jwk(key.public_key()));
  } else {
    text.text("kid", header.account);
  }
  text.text("nonce", header.nonce).text("url", header.url);
  const std::string first = to_base64url(as_bytes(text.done()));
  const std::string second = to_base64url(as_bytes(payload));
  const Es256Signature signature = key.sign(as_bytes(fmt::format("{}.{}", first, second)));
  return json::ObjectText()
      .text("protected", first)
      .text("payload", second)
      .text("signature", to_base64url(signature))
      .done();
}

}  // namespace warren::acme
