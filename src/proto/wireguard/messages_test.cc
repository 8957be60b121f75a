#include "proto/wireguard/messages.h"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "base/hex.h"

namespace warren::wireguard {
namespace {

// Spec: paths appendix A, footnote 1: fixed keys, checked there with an independent Noise library.
constexpr std::string_view kSpecInitiation =
    "01000000111111115dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599f"
    "b2188bb723276fc173af67616c817fc32fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d8"
    "17fb46b3a7c9c078a9273ed6211c72e4b4a3810aecb4f98f45078897b5b5412e1527045c84aaf230b526f3c7"
    "00000000000000000000000000000000";
constexpr std::string_view kSpecResponse =
    "020000002222222211111111ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b"
    "49c30eb926eb290e970d6120d032398acae3cacb1de438772b6a70675324adfc000000000000000000000000"
    "00000000";
constexpr std::string_view kSpecKeepalive =
    "0400000022222222000000000000000045576729b6ca056a23180fed4b237620";
constexpr std::string_view kSpecData =
    "04000000111111110201000000000000ffecfab6b8e74e313e8675d5ee2661ac35720fc6b26d4483b2788119"
    "aa769d09";
constexpr std::string_view kSpecCookieReply =
    "0300000011111111000102030405060708090a0b0c0d0e0f1011121314151617b22535962020ecaa56a1c876"
    "106ce742772a10131b1dafee052de2da4d0b4c95";

// Recorded between two stock nodes (disco-wireguard.json of the golden data, packets 16 to 19).
constexpr std::string_view kRecordedInitiation =
    "0100000071d705a100bf92a1a7a4c391cb2f64aa780cfcb4edd0b5269adac460795068e016bdaa0a0febcd2e"
    "9e56376d56c0b68708c77c1c71b60f943b0d3f3b41ea5e77f897fa3524f3f7a1a4299c7c2649dc184917493b"
    "e97c57666a8e727440b4915cb835cb26a8b0dcfe5d0a480265cd60d5aafd78a76139392baccd7dd9af2412bc"
    "00000000000000000000000000000000";
constexpr std::string_view kRecordedResponse =
    "020000008fb2a1d271d705a176f997daafa00c1e6d83d3330bfae29ba561843ca6fd478a2159fc12cd68d722"
    "7b4c43017274d8a56c7b3aae0988abe8684e07708156867bb38136c4b3e51aec000000000000000000000000"
    "00000000";
constexpr std::string_view kRecordedDataForth =
    "040000008fb2a1d20000000000000000e4b80111570afe8f1f06ee774ab9294b0d1a81dea8ed6aa08260bb11"
    "1283909e800ee51719dbecebc9862b4fccc3650a92c581b8fac9f272c0bd17326051264111ca266dd15ce7c2"
    "78f17379876982493df1afaeda273c95961885c70ee8d4359299752e60aed3e4c2fdedce46ea1ab1";
constexpr std::string_view kRecordedDataBack =
    "0400000071d705a10000000000000000b95d10bce4106038aab17b468030fb70346fc9267102c70c6cdab468"
    "0ed286cf41c9533cf80ca32a2712d79761b8bb73681bf10a892f348ebeb2cac31dc52675b9b641a49c6de1a5"
    "26ac31cb134766a6c7fb1b8753edef77b8416ea2f70cf9083ef87a51c1746a58121d3fa6efe0505d";

std::vector<std::uint8_t> from_hex(std::string_view text) {
  std::vector<std::uint8_t> out(text.size() / 2);
  EXPECT_TRUE(parse_hex(text, out));
  return out;
}

std::vector<std::uint8_t> from_hex_of_size(std::string_view text, std::size_t size) {
  auto out = from_hex(text);
  EXPECT_EQ(out.size(), size);
  return out;
}

template <class Bytes>
std::string hex_of(const Bytes& bytes) {
  return to_hex(ByteView(bytes));
}

TEST(WireguardMessages, DecodesInitiationOfTheSpec) {
  const auto message = decode_initiation(from_hex_of_size(kSpecInitiation, kInitiationSize));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->sender, 0x11111111U);
  EXPECT_EQ(hex_of(message->ephemeral),
            "5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22");
  EXPECT_EQ(hex_of(message->mac1), kSpecInitiation.substr(232, 32));
  EXPECT_EQ(hex_of(message->mac2), std::string(32, '0'));
}

TEST(WireguardMessages, DecodesResponseOfTheSpec) {
  const auto message = decode_response(from_hex_of_size(kSpecResponse, kResponseSize));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->sender, 0x22222222U);
  EXPECT_EQ(message->receiver, 0x11111111U);
  EXPECT_EQ(hex_of(message->encrypted_empty), "49c30eb926eb290e970d6120d032398a");
}

TEST(WireguardMessages, DecodesCookieReplyOfTheSpec) {
  const auto message = decode_cookie_reply(from_hex_of_size(kSpecCookieReply, kCookieReplySize));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->receiver, 0x11111111U);
  EXPECT_EQ(hex_of(message->nonce), "000102030405060708090a0b0c0d0e0f1011121314151617");
  EXPECT_EQ(hex_of(message->encrypted_cookie),
            "b22535962020ecaa56a1c876106ce742772a10131b1dafee052de2da4d0b4c95");
}

TEST(WireguardMessages, DecodesDataHeadersOfTheSpec) {
  const auto keepalive = decode_data_header(from_hex_of_size(kSpecKeepalive, kMinMessageSize));
  ASSERT_TRUE(keepalive);
  EXPECT_EQ(*keepalive, (DataHeader{.receiver = 0x22222222, .counter = 0}));
  const auto data = decode_data_header(from_hex_of_size(kSpecData, kDataOverhead + 16));
  ASSERT_TRUE(data);
  EXPECT_EQ(*data, (DataHeader{.receiver = 0x11111111, .counter = 0x0102}));
}

TEST(WireguardMessages, DecodesARecordedHandshake) {
  const auto initiation = decode_initiation(from_hex(kRecordedInitiation));
  const auto response = decode_response(from_hex(kRecordedResponse));
  const auto forth = decode_data_header(from_hex(kRecordedDataForth));
  const auto back = decode_data_header(from_hex(kRecordedDataBack));
  ASSERT_TRUE(initiation && response && forth && back);
  EXPECT_EQ(response->receiver, initiation->sender);
  EXPECT_EQ(*forth, (DataHeader{.receiver = response->sender, .counter = 0}));
  EXPECT_EQ(*back, (DataHeader{.receiver = initiation->sender, .counter = 0}));
  EXPECT_EQ(hex_of(initiation->mac2), std::string(32, '0'));
}

TEST(WireguardMessages, EncodesWhatItDecoded) {
  for (const std::string_view text : {kSpecInitiation, kRecordedInitiation}) {
    EXPECT_EQ(hex_of(encode(*decode_initiation(from_hex(text)))), text);
  }
  for (const std::string_view text : {kSpecResponse, kRecordedResponse}) {
    EXPECT_EQ(hex_of(encode(*decode_response(from_hex(text)))), text);
  }
  EXPECT_EQ(hex_of(encode(*decode_cookie_reply(from_hex(kSpecCookieReply)))), kSpecCookieReply);
  for (const std::string_view text : {kSpecData, kRecordedDataForth}) {
    std::array<std::uint8_t, kDataHeaderSize> bytes{};
    encode_data_header(bytes, *decode_data_header(from_hex(text)));
    EXPECT_EQ(hex_of(bytes), text.substr(0, 2 * kDataHeaderSize));
  }
}

// True when any decoder takes the datagram.
bool is_any_message(ByteView datagram) {
  return classify(datagram) || decode_initiation(datagram) || decode_response(datagram) ||
         decode_cookie_reply(datagram) || decode_data_header(datagram);
}

TEST(WireguardMessages, RejectsEveryTruncationAndExtensionOfAHandshakeMessage) {
  for (const std::string_view text : {kSpecInitiation, kSpecResponse, kSpecCookieReply}) {
    auto wire = from_hex(text);
    const std::size_t size = wire.size();
    EXPECT_TRUE(is_any_message(wire));
    wire.resize(2 * size);
    for (std::size_t n = 0; n <= wire.size(); ++n) {
      if (n == size) continue;
      EXPECT_FALSE(is_any_message(ByteView(wire).first(n))) << "length " << n;
    }
  }
}

TEST(WireguardMessages, RejectsDataShorterThanAKeepalive) {
  const auto wire = from_hex(kSpecData);
  for (std::size_t n = 0; n < wire.size(); ++n) {
    EXPECT_EQ(is_any_message(ByteView(wire).first(n)), n >= kMinMessageSize) << "length " << n;
  }
}

TEST(WireguardMessages, RejectsATypeWithReservedBytesSet) {
  for (const std::string_view text :
       {kSpecInitiation, kSpecResponse, kSpecCookieReply, kSpecData}) {
    for (std::size_t i = 1; i < 4; ++i) {
      auto wire = from_hex(text);
      wire[i] = 1;
      EXPECT_FALSE(is_any_message(wire)) << "byte " << i;
    }
  }
}

TEST(WireguardMessages, ClassifiesByTypeAndExactLength) {
  EXPECT_EQ(classify(from_hex(kSpecInitiation)), MessageType::Initiation);
  EXPECT_EQ(classify(from_hex(kSpecResponse)), MessageType::Response);
  EXPECT_EQ(classify(from_hex(kSpecCookieReply)), MessageType::CookieReply);
  EXPECT_EQ(classify(from_hex(kSpecKeepalive)), MessageType::Data);
  EXPECT_EQ(classify(from_hex(kRecordedDataBack)), MessageType::Data);
  // Hybrid post-quantum initiations of 1,332 and 1,348 bytes exist in forks (paths section 1.10).
  std::vector<std::uint8_t> hybrid(1332);
  hybrid[0] = 1;
  EXPECT_EQ(classify(hybrid), unexpected(DecodeError::BadLength));
  hybrid[0] = 5;
  EXPECT_EQ(classify(hybrid), unexpected(DecodeError::NotThisMessage));
}

TEST(WireguardMessages, NamesWhatTheMacsCover) {
  const auto initiation = from_hex(kSpecInitiation);
  EXPECT_EQ(covered_by_mac1(initiation).size(), 116U);  // paths section 1.2
  EXPECT_EQ(covered_by_mac2(initiation).size(), 132U);
  const auto response = from_hex(kSpecResponse);
  EXPECT_EQ(covered_by_mac1(response).size(), 60U);
  EXPECT_EQ(covered_by_mac2(response).size(), 76U);
}

TEST(WireguardMessages, PadsToSixteenButNotPastTheMtu) {
  // Arithmetic of paths section 1.2: the next multiple of 16, but at most the MTU.
  constexpr std::tuple<std::size_t, std::size_t, std::size_t> kCases[] = {
      {0, 1420, 0},          {1, 1420, 16},         {15, 1420, 16},     {16, 1420, 16},
      {17, 1420, 32},        {84, 1420, 96},        {1400, 1420, 1408}, {1408, 1420, 1408},
      {1409, 1420, 1420},    {1419, 1420, 1420},    {1420, 1420, 1420}, {1421, 1420, 1421},
      {9000, 1420, 9000},    {1279, 1280, 1280},    {1280, 1280, 1280}, {1265, 1279, 1279},
      {65535, 65535, 65535}, {65521, 65535, 65535},
  };
  for (const auto& [packet, mtu, padded] : kCases) {
    SCOPED_TRACE(packet);
    EXPECT_EQ(padded_size(packet, mtu), padded);
  }
}

}  // namespace
}  // namespace warren::wireguard
