#include "crypto/box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren {
namespace {

// The keys, nonce and boxes of spec paths appendix A.
constexpr std::string_view kNonce = "000102030405060708090a0b0c0d0e0f1011121314151617";
constexpr std::string_view kTxid = "000102030405060708090a0b";
constexpr std::string_view kPublicA =
    "a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209";
constexpr std::string_view kPublicB =
    "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59";

std::string repeated(std::string_view byte, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += byte;
  return out;
}

class GoldenBox : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(a_to_b_.init(array_from_hex<32>(repeated("01", 32)), array_from_hex<32>(kPublicB)));
    ASSERT_TRUE(b_to_a_.init(array_from_hex<32>(repeated("02", 32)), array_from_hex<32>(kPublicA)));
  }

  // A seals, B opens.
  void expect_box(ByteView plaintext, std::string_view expected) {
    const auto nonce = array_from_hex<kBoxNonceSize>(kNonce);
    Bytes box(plaintext.size() + kBoxOverhead);
    a_to_b_.seal(box, nonce, plaintext);
    EXPECT_EQ(to_hex(box), expected);
    Bytes opened(plaintext.size());
    EXPECT_TRUE(b_to_a_.open(opened, nonce, box));
    EXPECT_EQ(opened, Bytes(plaintext.begin(), plaintext.end()));
  }

  BoxKey a_to_b_;
  BoxKey b_to_a_;
};

TEST_F(GoldenBox, PrecomputesTheSameKeyOnBothSides) {
  constexpr std::string_view kShared =
      "18a99320f3488fa18a04239715d8ee738065e65c3d4b2898522d6c3d4ead588c";
  EXPECT_EQ(to_hex(a_to_b_.bytes()), kShared);
  EXPECT_EQ(to_hex(b_to_a_.bytes()), kShared);
}

TEST_F(GoldenBox, SealsTheDiscoPing) {
  expect_box(
      from_hex("0100" + std::string(kTxid) + repeated("aa", 32)),
      "ef50bfe3412f574a29cd8f53423abc3fe3cf83c29832e233bf5170cec697ad527179d64c091d61d8abeaf1"
      "888aba46166cc76f22f23ebc7b112c77e27e02");
}

TEST_F(GoldenBox, SealsTheDiscoPong) {
  // ::ffff:192.0.2.33, port 41641.
  expect_box(
      from_hex("0200" + std::string(kTxid) + "00000000000000000000ffffc0000221a2a9"),
      "f899cb8cb357dc3a50be3861fe97de42e0cf83c29832e233bf5170cec69707f8dbd37ce6a3b7cb72febf9b"
      "2222314e15");
}

TEST_F(GoldenBox, SealsTheRelayLogin) {
  expect_box(
      as_bytes(R"({"version":2,"CanAckPings":true})"),
      "3886897e2cda6c0d8dc4ad5c4b74ca7f99edf5a6e8428f59d77442f5e0be4499b5921f8df3dea515726261"
      "56526589c1");
}

TEST_F(GoldenBox, RefusesAFlippedBitAnywhereAndLeavesZeros) {
  const auto nonce = array_from_hex<kBoxNonceSize>(kNonce);
  const Bytes plaintext(9, 0x33);
  Bytes box(plaintext.size() + kBoxOverhead);
  a_to_b_.seal(box, nonce, plaintext);
  for (std::size_t bit = 0; bit < box.size() * 8; ++bit) {
    Bytes forged = box;
    forged[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    Bytes opened(plaintext.size(), 0xee);
    EXPECT_FALSE(b_to_a_.open(opened, nonce, forged)) << bit;
    EXPECT_THAT(opened, testing::Each(0));
  }
  for (std::size_t size = 0; size < kBoxOverhead; ++size)
    EXPECT_FALSE(b_to_a_.open({}, nonce, ByteView(box).first(size)));
}

TEST(BoxKey, RefusesALowOrderPublicKey) {
  int refused = 0;
  for (const auto& row :
       read_vectors(WARREN_SOURCE_DIR "/src/crypto/testdata/wycheproof_x25519.txt")) {
    BoxKey key;
    const bool ok = key.init(array_from_hex<32>(row[2]), array_from_hex<32>(row[3]));
    EXPECT_EQ(ok, row[1] == "valid") << row[0];
    if (ok) continue;
    EXPECT_THAT(key.bytes(), testing::Each(0));
    ++refused;
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace warren
