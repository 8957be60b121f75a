#include "proto/disco/frame.h"

#include <map>

#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "proto/disco/messages.h"

namespace warren::disco {
namespace {

// Spec: paths appendix A: A's ping to B and A's pong to B.
constexpr std::string_view kPrefix =
    "5453f09f92aca4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209"
    "000102030405060708090a0b0c0d0e0f1011121314151617";
constexpr std::string_view kPingBox =
    "ef50bfe3412f574a29cd8f53423abc3fe3cf83c29832e233bf5170cec697ad527179d64c091d61d8abeaf1888aba"
    "46166cc76f22f23ebc7b112c77e27e02";
constexpr std::string_view kPongBox =
    "f899cb8cb357dc3a50be3861fe97de42e0cf83c29832e233bf5170cec69707f8dbd37ce6a3b7cb72febf9b222231"
    "4e15";

constexpr TransactionId kTransaction = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

DiscoPrivateKey private_key(std::uint8_t byte) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(byte);
  return DiscoPrivateKey(bytes);
}

BoxKey box_key(const DiscoPrivateKey& ours, const DiscoPublicKey& theirs) {
  BoxKey key;
  EXPECT_TRUE(key.init(ours.bytes(), theirs.bytes()));
  return key;
}

Bytes sealed(const Frame& like, const BoxKey& key, ByteView payload) {
  Bytes out(payload.size() + kFrameOverhead);
  seal_frame(out, like.sender, like.nonce, key, payload);
  return out;
}

TEST(DiscoFrame, SealsAndOpensTheMessagesOfTheSpec) {
  const DiscoPrivateKey a = private_key(1);
  const DiscoPrivateKey b = private_key(2);
  const BoxKey key = box_key(a, b.public_key());
  const Ping ping{.transaction = kTransaction,
                  .node_key = NodePublicKey(array_from_hex<32>(
                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))};
  const Pong pong{.transaction = kTransaction,
                  .source = Endpoint::parse("192.0.2.33:41641").value()};
  const std::pair<Bytes, std::string_view> cases[] = {{encode(ping), kPingBox},
                                                      {encode(pong), kPongBox}};
  for (const auto& [payload, box] : cases) {
    const Bytes wire = from_hex(std::string(kPrefix) + std::string(box));
    EXPECT_TRUE(looks_like_frame(wire));
    const auto frame = decode_frame(wire);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->sender, a.public_key());
    Bytes opened(payload.size());
    EXPECT_TRUE(box_key(b, frame->sender).open(opened, frame->nonce, frame->box));
    EXPECT_EQ(opened, payload);
    EXPECT_EQ(sealed(*frame, key, payload), wire);
  }
}

TEST(DiscoFrame, OpensEveryRecordedFrame) {
  std::map<std::string, std::string> private_keys;
  int frames = 0;
  for (const auto& row : read_vectors(WARREN_SOURCE_DIR "/src/proto/disco/testdata/recorded.txt")) {
    if (row[0] == "key") {
      private_keys[row[1]] = row[2];
      continue;
    }
    SCOPED_TRACE(row[3]);
    const Bytes wire = from_hex(row[2]);
    const auto frame = decode_frame(wire);
    ASSERT_TRUE(frame);
    const DiscoPrivateKey recipient(array_from_hex<32>(private_keys.at(row[1])));
    const BoxKey key = box_key(recipient, frame->sender);
    Bytes opened(frame->box.size() - kBoxOverhead);
    ASSERT_TRUE(key.open(opened, frame->nonce, frame->box));
    EXPECT_EQ(to_hex(opened), row[3]);
    EXPECT_TRUE(decode_message(opened));
    EXPECT_EQ(sealed(*frame, key, opened), wire);
    ++frames;
  }
  EXPECT_EQ(frames, 29);
}

TEST(DiscoFrame, RejectsWhatCannotHoldAMessageHeader) {
  const Bytes wire = from_hex(std::string(kPrefix) + std::string(kPongBox));
  for (std::size_t n = 0; n < wire.size(); ++n) {
    const ByteView cut = ByteView(wire).first(n);
    EXPECT_EQ(looks_like_frame(cut), n >= 38) << "length " << n;  // paths section 0.2
    EXPECT_EQ(decode_frame(cut).has_value(), n >= kFrameOverhead + 2) << "length " << n;
  }
}

TEST(DiscoFrame, RejectsAnotherMagic) {
  for (std::size_t i = 0; i < kMagicSize; ++i) {
    Bytes wire = from_hex(std::string(kPrefix) + std::string(kPongBox));
    wire[i] ^= 1;
    EXPECT_FALSE(looks_like_frame(wire));
    EXPECT_FALSE(decode_frame(wire));
  }
}

}  // namespace
}  // namespace warren::disco
