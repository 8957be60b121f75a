#include "crypto/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/system_random.h"
#include "crypto/testing.h"
#include "crypto/x25519.h"

namespace warren {
namespace {

// Secrets filled with one byte, as spec paths appendix A has them.
NodePrivateKey filled(std::uint8_t byte) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(byte);
  return NodePrivateKey(bytes);
}

TEST(Keys, ComputesTheGoldenPublicKeys) {
  // Spec paths appendix A.
  EXPECT_EQ(to_hex(filled(1).public_key().bytes()),
            "a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209");
  EXPECT_EQ(to_hex(filled(2).public_key().bytes()),
            "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59");
}

TEST(Keys, GeneratesClampedKeysThatAgreeOnASecret) {
  SeededRandom random(1);
  for (int i = 0; i < 50; ++i) {
    const auto a = NodePrivateKey::generate(random);
    const auto b = EphemeralPrivateKey::generate(random);
    EXPECT_EQ(a.bytes()[0] & 0x07, 0);
    EXPECT_EQ(a.bytes()[31] & 0xc0, 0x40);
    SharedSecret ab;
    SharedSecret ba;
    ASSERT_TRUE(x25519(ab, a, b.public_key()));
    ASSERT_TRUE(x25519(ba, b, a.public_key()));
    EXPECT_TRUE(equal_constant_time(ab.bytes(), ba.bytes()));
    EXPECT_FALSE(ab.is_zero());
  }
}

TEST(Keys, DiffersFromOneGenerationToTheNext) {
  ASSERT_TRUE(init_crypto());
  SystemRandom random;
  const auto a = NodePrivateKey::generate(random);
  const auto b = NodePrivateKey::generate(random);
  EXPECT_NE(a.public_key(), b.public_key());
  EXPECT_EQ(a.public_key(), a.clone().public_key());
}

TEST(Keys, WipesAPrivateKey) {
  NodePrivateKey key = filled(7);
  EXPECT_FALSE(key.is_zero());
  key.wipe();
  EXPECT_TRUE(key.is_zero());
  EXPECT_TRUE(NodePublicKey().is_zero());
}

TEST(Keys, PrintsAPublicKeyAsAShortPrefix) {
  const NodePublicKey key = filled(1).public_key();
  EXPECT_EQ(key.short_text(), to_base64(key.bytes()).substr(0, 8));
}

TEST(X25519, AgreesWithWycheproof) {
  const auto rows = read_vectors(WARREN_SOURCE_DIR "/src/crypto/testdata/wycheproof_x25519.txt");
  ASSERT_EQ(rows.size(), 129U);
  int refused = 0;
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    SharedSecret out;
    const bool ok = x25519(out, array_from_hex<32>(row[2]), array_from_hex<32>(row[3]));
    EXPECT_EQ(ok, row[1] == "valid");
    EXPECT_EQ(to_hex(out.bytes()), row[4]);  // all zero where it is refused
    if (!ok) ++refused;
  }
  EXPECT_GT(refused, 20);
}

// RFC 7748 section 5.2.
TEST(X25519, ComputesRfc7748) {
  SharedSecret out;
  ASSERT_TRUE(x25519(
      out, array_from_hex<32>("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
      array_from_hex<32>("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")));
  EXPECT_EQ(to_hex(out.bytes()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

// RFC 7748 section 5.2: k = X25519(k, u), u = the old k.
TEST(X25519, IteratesAsRfc7748Does) {
  SharedSecret k(
      array_from_hex<32>("0900000000000000000000000000000000000000000000000000000000000000"));
  SharedSecret u = k.clone();
  for (int i = 1; i <= 1000; ++i) {
    SharedSecret next;
    ASSERT_TRUE(x25519(next, k.bytes(), u.bytes()));
    u = std::move(k);
    k = std::move(next);
    if (i == 1) {
      EXPECT_EQ(to_hex(k.bytes()),
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(to_hex(k.bytes()), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, MayWriteOverItsOwnInput) {
  SharedSecret secret(filled(1).bytes());
  ASSERT_TRUE(x25519(secret, secret.bytes(), filled(2).public_key().bytes()));
  SharedSecret expected;
  ASSERT_TRUE(x25519(expected, filled(1), filled(2).public_key()));
  EXPECT_TRUE(equal_constant_time(secret.bytes(), expected.bytes()));
}

}  // namespace
}  // namespace warren
