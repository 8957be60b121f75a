#include "wg/handshake.h"

#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "crypto/x25519.h"
#include "wg/cookie.h"

namespace warren::wg {
namespace {

// A private key of 32 equal bytes, as in spec: paths appendix A.
NodePrivateKey node_key(std::uint8_t byte) {
  std::array<std::uint8_t, kKeySize> bytes{};
  bytes.fill(byte);
  return NodePrivateKey(bytes);
}

class ConstantRandom final : public Random {
 public:
  explicit ConstantRandom(std::uint8_t byte) : byte_(byte) {}

  void fill(MutableByteView out) override { std::ranges::fill(out, byte_); }

 private:
  std::uint8_t byte_;
};

SharedSecret shared(const NodePrivateKey& ours, const NodePublicKey& theirs) {
  SharedSecret out;
  EXPECT_TRUE(x25519(out, ours, theirs));
  return out;
}

// Signed, as hexadecimal digits.
template <class Message>
std::string signed_hex(const Message& message, const NodePublicKey& recipient) {
  auto bytes = wireguard::encode(message);
  MessageSigner(recipient).sign(bytes, TimePoint());
  return to_hex(bytes);
}

struct Golden {
  NodePrivateKey a = node_key(1);
  NodePrivateKey b = node_key(2);
  NodePublicKey a_public = a.public_key();
  NodePublicKey b_public = b.public_key();
  SharedSecret static_static = shared(a, b_public);
  Tai64n timestamp = array_from_hex<12>("400000006b015a9114000000");

  std::optional<CreatedInitiation> initiation() const {
    ConstantRandom random(3);
    return create_initiation({a, a_public, b_public, static_static}, 0x11111111, timestamp, random);
  }
};

// spec: paths appendix A.
constexpr std::string_view kInitiation =
    "01000000111111115dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599fb2188b"
    "b723276fc173af67616c817fc32fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d817fb46b3a7c9"
    "c078a9273ed6211c72e4b4a3810aecb4f98f45078897b5b5412e1527045c84aaf230b526f3c7"
    "00000000000000000000000000000000";
constexpr std::string_view kResponse =
    "020000002222222211111111ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b49c30e"
    "b926eb290e970d6120d032398acae3cacb1de438772b6a70675324adfc"
    "00000000000000000000000000000000";

TEST(Handshake, BeginsWithTheGoldenTranscript) {
  const Transcript transcript = initial_transcript();
  EXPECT_EQ(to_hex(transcript.chaining_key.bytes()),
            "60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36");
  EXPECT_EQ(to_hex(transcript.hash.bytes()),
            "2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3");
}

TEST(Handshake, MakesTheGoldenInitiation) {
  const Golden golden;
  const auto created = golden.initiation();
  ASSERT_TRUE(created);
  EXPECT_EQ(signed_hex(created->message, golden.b_public), kInitiation);
}

TEST(Handshake, AnswersWithTheGoldenResponseAndAgreesOnTheGoldenKeys) {
  const Golden golden;
  const auto initiation = golden.initiation();
  ASSERT_TRUE(initiation);
  auto opened = open_initiation(initiation->message, golden.b, golden.b_public);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->initiator, golden.a_public);
  EXPECT_EQ(open_timestamp(*opened, initiation->message, golden.static_static), golden.timestamp);
  ConstantRandom random(4);
  const auto response = create_response(*opened, 0x22222222, PresharedKey(), random);
  ASSERT_TRUE(response);
  EXPECT_EQ(signed_hex(response->message, golden.a_public), kResponse);

  const auto keys =
      consume_response(initiation->pending, response->message, golden.a, PresharedKey());
  ASSERT_TRUE(keys);
  EXPECT_EQ(to_hex(keys->from_initiator.bytes()),
            "b30c71d520eb54edcf0ad32b6c2e5bdff747e6e2bf8a126ae52eb1c7140b4398");
  EXPECT_EQ(to_hex(keys->from_responder.bytes()),
            "bc8d9cb5d3c1654d26eef4fab1426ff05fff238c2ddac280941197772e21c21c");
  EXPECT_EQ(to_hex(response->keys.from_initiator.bytes()), to_hex(keys->from_initiator.bytes()));
  EXPECT_EQ(to_hex(response->keys.from_responder.bytes()), to_hex(keys->from_responder.bytes()));
}

TEST(Handshake, MixesThePresharedKeyAsInTheGoldenVector) {
  const Golden golden;
  std::array<std::uint8_t, 32> psk_bytes{};
  psk_bytes.fill(5);
  const PresharedKey psk(psk_bytes);
  const auto initiation = golden.initiation();
  ASSERT_TRUE(initiation);
  auto opened = open_initiation(initiation->message, golden.b, golden.b_public);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(open_timestamp(*opened, initiation->message, golden.static_static));
  ConstantRandom random(4);
  const auto response = create_response(*opened, 0x22222222, psk, random);
  ASSERT_TRUE(response);
  // Bytes 44 to 75: the sealed nothing and mac1.
  EXPECT_EQ(signed_hex(response->message, golden.a_public).substr(88, 64),
            "eb60802b4ede5387566fbc7a9dbff4fa76c33afc3c0b58af82594dfbbeb9bbbd");
  EXPECT_FALSE(consume_response(initiation->pending, response->message, golden.a, PresharedKey()));
  const auto keys = consume_response(initiation->pending, response->message, golden.a, psk);
  ASSERT_TRUE(keys);
  EXPECT_EQ(to_hex(keys->from_initiator.bytes()),
            "a18cc809fd05b6b5f99644cf506f89dce368c2f54a9dbeb9a384f36c274317ef");
}

// Recorded between two stock nodes, with the keys they had (golden/control, packet 16).
TEST(Handshake, OpensARecordedInitiation) {
  const NodePrivateKey b(
      array_from_hex<32>("3800a16bb970cdface859b2008ffbb040153d274623fcb46fa9833e3b8f24d63"));
  const Bytes datagram = from_hex(
      "0100000071d705a100bf92a1a7a4c391cb2f64aa780cfcb4edd0b5269adac460795068e016bdaa0a0febcd2e9e56"
      "376d56c0b68708c77c1c71b60f943b0d3f3b41ea5e77f897fa3524f3f7a1a4299c7c2649dc184917493be97c5766"
      "6a8e727440b4915cb835cb26a8b0dcfe5d0a480265cd60d5aafd78a76139392baccd7dd9af2412bc"
      "00000000000000000000000000000000");
  EXPECT_TRUE(mac1_is_valid(derive_mac1_key(b.public_key()), datagram));
  const auto message = wireguard::decode_initiation(datagram);
  ASSERT_TRUE(message);
  auto opened = open_initiation(*message, b, b.public_key());
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_hex(opened->initiator.bytes()),
            "2ce0491604d1ffe85862edb5a111cb08a0ad334510eb329cf2867883d78a527b");
  const auto timestamp = open_timestamp(*opened, *message, shared(b, opened->initiator));
  ASSERT_TRUE(timestamp);
  EXPECT_EQ(to_hex(*timestamp), "400000006b015a9114000000");
}

TEST(Handshake, RefusesAFlippedBitAnywhereInTheInitiation) {
  const Golden golden;
  const auto created = golden.initiation();
  ASSERT_TRUE(created);
  const auto wire = wireguard::encode(created->message);
  for (std::size_t i = 8; i < 116; ++i) {
    auto bent = wire;
    bent[i] ^= 1;
    const auto message = wireguard::decode_initiation(bent);
    ASSERT_TRUE(message);
    auto opened = open_initiation(*message, golden.b, golden.b_public);
    EXPECT_FALSE(opened && open_timestamp(*opened, *message, golden.static_static)) << i;
  }
}

TEST(Handshake, RefusesAFlippedBitAnywhereInTheResponse) {
  const Golden golden;
  const auto initiation = golden.initiation();
  const Bytes wire = from_hex(kResponse);
  for (std::size_t i = 12; i < 60; ++i) {
    Bytes bent = wire;
    bent[i] ^= 1;
    const auto message = wireguard::decode_response(bent);
    ASSERT_TRUE(message);
    EXPECT_FALSE(consume_response(initiation->pending, *message, golden.a, PresharedKey())) << i;
  }
}

TEST(Handshake, AbortsOnALowOrderPoint) {
  const Golden golden;
  ConstantRandom random(3);
  const NodePublicKey zero;
  EXPECT_FALSE(create_initiation({golden.a, golden.a_public, zero, golden.static_static}, 1,
                                 golden.timestamp, random));
  const wireguard::Initiation message;  // its ephemeral key is zero
  EXPECT_FALSE(open_initiation(message, golden.b, golden.b_public));
  const OpenedInitiation opened;  // likewise
  EXPECT_FALSE(create_response(opened, 1, PresharedKey(), random));
}

}  // namespace
}  // namespace warren::wg
