#include "crypto/blake2s.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren {
namespace {

// selftest_seq of RFC 7693 appendix E.
Bytes rfc7693_sequence(std::size_t size) {
  Bytes out;
  std::uint32_t a = 0xdead4bad * static_cast<std::uint32_t>(size);
  std::uint32_t b = 1;
  while (out.size() < size) {
    const std::uint32_t t = a + b;
    a = b;
    b = t;
    out.push_back(static_cast<std::uint8_t>(t >> 24));
  }
  return out;
}

std::string hmac_hex(ByteView key, std::initializer_list<ByteView> parts) {
  SymmetricKey out;
  hmac_blake2s(out, key, parts);
  return to_hex(out.bytes());
}

TEST(Blake2s, AgreesWithTheReferenceImplementation) {
  const auto rows = read_vectors(WARREN_SOURCE_DIR "/src/crypto/testdata/blake2s.txt");
  ASSERT_EQ(rows.size(), 121U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0] + " " + row[1] + " " + row[2]);
    const Bytes input = rfc7693_sequence(std::stoul(row[1]));
    const Bytes key = rfc7693_sequence(std::stoul(row[2]));
    if (row[0] == "hash") {
      EXPECT_EQ(to_hex(blake2s({input})), row[3]);
    } else if (row[0] == "mac16") {
      EXPECT_EQ(to_hex(blake2s_mac16(key, input)), row[3]);
    } else {
      EXPECT_EQ(hmac_hex(key, {input}), row[3]);
    }
  }
}

// RFC 7693 appendix B.
TEST(Blake2s, HashesAbc) {
  EXPECT_THAT(to_hex(blake2s({as_bytes("abc")})), testing::StartsWith("508c5e8c327c14e2"));
}

TEST(Blake2s, HashesPartsAsOneText) {
  const Bytes text = rfc7693_sequence(200);
  const ByteView view(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(blake2s({view.first(cut), view.subspan(cut)}), blake2s({view}));
    EXPECT_EQ(hmac_hex(as_bytes("key"), {view.first(cut), view.subspan(cut)}),
              hmac_hex(as_bytes("key"), {view}));
  }
}

TEST(Blake2s, DerivesKeysAsChainedHmacs) {
  const Bytes key = rfc7693_sequence(32);
  const Bytes input = rfc7693_sequence(48);
  const std::uint8_t one[] = {1};
  const std::uint8_t two[] = {2};
  const std::uint8_t three[] = {3};
  SymmetricKey prk;
  SymmetricKey expected[3];
  hmac_blake2s(prk, key, {input});
  hmac_blake2s(expected[0], prk.bytes(), {one});
  hmac_blake2s(expected[1], prk.bytes(), {expected[0].bytes(), two});
  hmac_blake2s(expected[2], prk.bytes(), {expected[1].bytes(), three});

  SymmetricKey t1;
  SymmetricKey t2;
  SymmetricKey t3;
  kdf1(t1, key, input);
  EXPECT_TRUE(equal_constant_time(t1.bytes(), expected[0].bytes()));
  kdf2(t1, t2, key, input);
  EXPECT_TRUE(equal_constant_time(t1.bytes(), expected[0].bytes()));
  EXPECT_TRUE(equal_constant_time(t2.bytes(), expected[1].bytes()));
  kdf3(t1, t2, t3, key, input);
  EXPECT_TRUE(equal_constant_time(t1.bytes(), expected[0].bytes()));
  EXPECT_TRUE(equal_constant_time(t2.bytes(), expected[1].bytes()));
  EXPECT_TRUE(equal_constant_time(t3.bytes(), expected[2].bytes()));

  SymmetricKey chaining(std::span<const std::uint8_t, 32>(key.data(), 32));
  kdf2(chaining, t2, chaining.bytes(), input);  // an output may lie where the key was
  EXPECT_TRUE(equal_constant_time(chaining.bytes(), expected[0].bytes()));
  EXPECT_TRUE(equal_constant_time(t2.bytes(), expected[1].bytes()));
}

}  // namespace
}  // namespace warren
