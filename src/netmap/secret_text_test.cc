#include "netmap/secret_text.h"

#include <gtest/gtest.h>

namespace warren::netmap {
namespace {

TEST(SecretText, IsFoundByItsIdAndKnownByItsHash) {
  SeededRandom random(1);
  const SecretText secret = make_secret(kAuthKeyKind, random);
  const auto reference = parse_secret(kAuthKeyKind, secret.text);
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->id, secret.id);
  EXPECT_EQ(reference->hash, secret.hash);
}

// Stock clients take one that begins with tskey-client- for an OAuth secret, and cut at --TL (spec:
// control section 4.1).
TEST(SecretText, HasNothingThatStockClientsActOn) {
  SeededRandom random(2);
  const SecretText secret = make_secret(kAuthKeyKind, random);
  EXPECT_TRUE(secret.text.starts_with("wak_"));
  EXPECT_EQ(secret.text.find('-'), std::string::npos);
}

TEST(SecretText, RefusesEveryChangedCharacterAndTruncation) {
  SeededRandom random(3);
  const SecretText secret = make_secret(kAuthKeyKind, random);
  for (std::size_t i = 0; i < secret.text.size(); ++i) {
    std::string changed = secret.text;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(parse_secret(kAuthKeyKind, changed)) << i;
    EXPECT_FALSE(parse_secret(kAuthKeyKind, secret.text.substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_secret("wat", secret.text));
  EXPECT_FALSE(parse_secret(kAuthKeyKind, secret.text + "0"));
}

}  // namespace
}  // namespace warren::netmap
