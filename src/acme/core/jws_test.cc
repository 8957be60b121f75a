#include "acme/core/jws.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::acme {
namespace {

std::string from_base64url(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  const std::size_t size = text.size() * 3 / 4;
  while (text.size() % 4 != 0) text += '=';
  std::string out(size, '\0');
  EXPECT_TRUE(parse_base64(text, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()}));
  return out;
}

std::string member(const boost::json::value& object, const char* name) {
  return std::string(object.at(name).as_string());
}

TEST(AcmeJws, IsSignedOverHeaderAndPayload) {
  const auto key = P256PrivateKey::generate();
  ASSERT_TRUE(key);
  const auto jws = boost::json::parse(
      sign_jws(*key, {.url = "https://ca.example/o", .nonce = "n1", .account = {}}, R"({"a":1})"));
  EXPECT_EQ(from_base64url(member(jws, "payload")), R"({"a":1})");
  const std::string header = from_base64url(member(jws, "protected"));
  EXPECT_EQ(header, R"({"alg":"ES256","jwk":)" + to_jwk(key->public_key()) +
                        R"(,"nonce":"n1","url":"https://ca.example/o"})");
  const std::string text = from_base64url(member(jws, "signature"));
  Es256Signature signature{};
  ASSERT_EQ(text.size(), signature.size());
  std::ranges::copy(as_bytes(text), signature.begin());
  const std::string signed_text = member(jws, "protected") + "." + member(jws, "payload");
  EXPECT_TRUE(verify_es256(key->public_key(), as_bytes(signed_text), signature));
}

TEST(AcmeJws, NamesTheAccountOnceItHasOne) {
  const auto key = P256PrivateKey::generate();
  ASSERT_TRUE(key);
  const auto jws = boost::json::parse(sign_jws(
      *key, {.url = "https://ca.example/o", .nonce = "n", .account = "https://ca.example/7"}, ""));
  EXPECT_EQ(member(jws, "payload"), "");
  EXPECT_EQ(
      from_base64url(member(jws, "protected")),
      R"({"alg":"ES256","kid":"https://ca.example/7","nonce":"n","url":"https://ca.example/o"})");
}

TEST(AcmeJws, AKeyAuthorizationIsTokenAndThumbprint) {
  const P256PublicKey key;
  const std::string text = key_authorization("token", key);
  EXPECT_EQ(text, "token." + thumbprint(key));
  EXPECT_EQ(thumbprint(key).size(), 43U);  // 32 bytes
}

}  // namespace
}  // namespace warren::acme
