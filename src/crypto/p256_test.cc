#include "crypto/p256.h"

#include <string>

#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> from_base64url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (text.size() % 4 != 0) text += '=';
  std::array<std::uint8_t, N> out{};
  EXPECT_TRUE(parse_base64(text, out));
  return out;
}

// RFC 7515 appendix A.3: that it verifies proves that it is copied right.
constexpr const char* kX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr const char* kY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr const char* kMessage =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
    "S9pc19yb290Ijp0cnVlfQ";
constexpr const char* kSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

TEST(P256, VerifiesTheExampleOfRfc7515) {
  const P256PublicKey key{.x = from_base64url<32>(kX), .y = from_base64url<32>(kY)};
  const auto signature = from_base64url<64>(kSignature);
  EXPECT_TRUE(verify_es256(key, as_bytes(kMessage), signature));
  EXPECT_FALSE(verify_es256(key, as_bytes("another message"), signature));
}

TEST(P256, SignsWhatOthersCanVerify) {
  const auto key = P256PrivateKey::generate();
  ASSERT_TRUE(key);
  for (int i = 0; i < 64; ++i) {  // some have an R or S with leading zeros
    const std::string message = "message " + std::to_string(i);
    const auto signature = key->sign(as_bytes(message));
    EXPECT_TRUE(verify_es256(key->public_key(), as_bytes(message), signature));
    auto bent = signature;
    bent[40] ^= 1;
    EXPECT_FALSE(verify_es256(key->public_key(), as_bytes(message), bent));
  }
}

TEST(P256, IsTheSameAfterPem) {
  const auto key = P256PrivateKey::generate();
  ASSERT_TRUE(key);
  const auto again = P256PrivateKey::from_pem(key->to_pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key(), key->public_key());
}

TEST(P256, RefusesWhatIsNoKeyOnThisCurve) {
  EXPECT_FALSE(P256PrivateKey::from_pem(""));
  EXPECT_FALSE(
      P256PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  const P256PublicKey nowhere{.x = {1}, .y = {2}};
  EXPECT_FALSE(verify_es256(nowhere, as_bytes("x"), Es256Signature{}));
}

}  // namespace
}  // namespace warren
