#include "crypto/aead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren {
namespace {

SymmetricKey key_from_hex(std::string_view text) {
  return SymmetricKey(array_from_hex<32>(text));
}

std::uint64_t counter_of(const std::string& nonce) {
  const Bytes bytes = from_hex(nonce);
  WARREN_CHECK(bytes.size() == 12 && load_le<std::uint32_t>(bytes.data()) == 0);
  return load_le<std::uint64_t>(bytes.data() + 4);
}

// RFC 8439 appendix A.5.
TEST(Aead, OpensAndSealsRfc8439) {
  const SymmetricKey key =
      key_from_hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
  const std::uint64_t counter = counter_of("000000000102030405060708");
  const Bytes aad = from_hex("f33388860000000000004e91");
  const Bytes sealed = from_hex(
      "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
      "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
      "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
      "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
      "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
      "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
      "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
      "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
      "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38");
  Bytes plaintext(sealed.size() - kAeadTagSize);
  ASSERT_TRUE(aead_open(plaintext, key, counter, sealed, aad));
  EXPECT_THAT(as_text(plaintext), testing::StartsWith("Internet-Drafts are draft documents valid"));
  Bytes again(sealed.size());
  aead_seal(again, key, counter, plaintext, aad);
  EXPECT_EQ(again, sealed);
}

TEST(Aead, AgreesWithWycheproof) {
  const auto rows =
      read_vectors(WARREN_SOURCE_DIR "/src/crypto/testdata/wycheproof_chacha20_poly1305.txt");
  ASSERT_EQ(rows.size(), 10U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    const SymmetricKey key = key_from_hex(row[2]);
    const Bytes plaintext = from_hex(row[5]);
    Bytes sealed(plaintext.size() + kAeadTagSize);
    aead_seal(sealed, key, counter_of(row[3]), plaintext, from_hex(row[4]));
    EXPECT_EQ(to_hex(sealed), row[6]);
    Bytes opened(plaintext.size());
    EXPECT_TRUE(aead_open(opened, key, counter_of(row[3]), sealed, from_hex(row[4])));
    EXPECT_EQ(opened, plaintext);
  }
}

// Case 1 is the vector of draft-irtf-cfrg-xchacha appendix A.3.1.
TEST(Aead, AgreesWithWycheproofOnXChaCha) {
  const auto rows =
      read_vectors(WARREN_SOURCE_DIR "/src/crypto/testdata/wycheproof_xchacha20_poly1305.txt");
  ASSERT_EQ(rows.size(), 294U);
  int refused = 0;
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    const SymmetricKey key = key_from_hex(row[2]);
    const auto nonce = array_from_hex<kXNonceSize>(row[3]);
    const Bytes aad = from_hex(row[4]);
    const Bytes plaintext = from_hex(row[5]);
    const Bytes sealed = from_hex(row[6]);
    Bytes opened(plaintext.size(), 0xee);
    if (row[1] == "valid") {
      EXPECT_TRUE(xaead_open(opened, key, nonce, sealed, aad));
      EXPECT_EQ(opened, plaintext);
      Bytes again(sealed.size());
      xaead_seal(again, key, nonce, plaintext, aad);
      EXPECT_EQ(again, sealed);
    } else {
      EXPECT_FALSE(xaead_open(opened, key, nonce, sealed, aad));
      EXPECT_THAT(opened, testing::Each(0));
      ++refused;
    }
  }
  EXPECT_EQ(refused, 60);
}

TEST(Aead, RefusesAFlippedBitAnywhereAndLeavesZeros) {
  SeededRandom random(3);
  const SymmetricKey key(array_from_hex<32>(to_hex(random_bytes(random, 32))));
  const Bytes plaintext = random_bytes(random, 20);
  const Bytes aad = random_bytes(random, 5);
  Bytes sealed(plaintext.size() + kAeadTagSize);
  aead_seal(sealed, key, 7, plaintext, aad);
  Bytes opened(plaintext.size());
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes forged = sealed;
    forged[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    opened.assign(opened.size(), 0xee);
    EXPECT_FALSE(aead_open(opened, key, 7, forged, aad)) << bit;
    EXPECT_THAT(opened, testing::Each(0));
  }
  EXPECT_FALSE(aead_open(opened, key, 8, sealed, aad));
  EXPECT_FALSE(aead_open(opened, key, 7, sealed, ByteView(aad).first(4)));
  EXPECT_TRUE(aead_open(opened, key, 7, sealed, aad));
}

TEST(Aead, RefusesATextTooShortForATag) {
  const SymmetricKey key;
  const std::array<std::uint8_t, kXNonceSize> nonce{};
  const Bytes text(kAeadTagSize);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(aead_open({}, key, 0, ByteView(text).first(size), {}));
    EXPECT_FALSE(xaead_open({}, key, nonce, ByteView(text).first(size), {}));
  }
}

TEST(Aead, WorksInPlace) {
  const SymmetricKey key;
  const Bytes plaintext(100, 0x42);
  Bytes buffer = plaintext;
  buffer.resize(plaintext.size() + kAeadTagSize);
  aead_seal(buffer, key, 1, ByteView(buffer).first(plaintext.size()), {});
  EXPECT_TRUE(aead_open(MutableByteView(buffer).first(plaintext.size()), key, 1, buffer, {}));
  buffer.resize(plaintext.size());
  EXPECT_EQ(buffer, plaintext);
}

}  // namespace
}  // namespace warren
