#include "proto/disco/messages.h"

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::disco {
namespace {

constexpr std::string_view kTxid = "000102030405060708090a0b";
constexpr TransactionId kTransaction = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
constexpr std::string_view kKey =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr std::string_view kIpv4Address = "00000000000000000000ffffc0000221a2a9";
constexpr std::string_view kIpv6Address = "20010db800510000000000000000002001bb";

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

template <class... Parts>
Bytes bytes(const Parts&... parts) {
  return from_hex((std::string(parts) + ...));
}

Ping spec_ping() {
  return {.transaction = kTransaction, .node_key = NodePublicKey(array_from_hex<32>(kKey))};
}

// Each as its message says; the length of the list for CallMeMaybe.
template <class T>
T decoded(ByteView payload) {
  const auto message = decode_message(payload);
  if (!message || !std::holds_alternative<T>(*message)) {
    ADD_FAILURE() << "not decoded: " << to_hex(payload);
    return {};
  }
  return std::get<T>(*message);
}

Bytes encode_any(const Message& message) {
  if (const auto* const ping = std::get_if<Ping>(&message)) return encode(*ping);
  if (const auto* const pong = std::get_if<Pong>(&message)) return encode(*pong);
  const auto& list = std::get<CallMeMaybe>(message);
  std::vector<Endpoint> endpoints(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) endpoints[i] = list.at(i);
  return encode_call_me_maybe(endpoints);
}

TEST(DiscoMessages, EncodesTheMessagesOfTheSpec) {
  // Plaintexts of the boxes in paths appendix A.
  EXPECT_EQ(encode(spec_ping()), bytes("0100", kTxid, kKey));
  EXPECT_EQ(encode(spec_ping()).size(), kPingSize);
  const Pong pong{.transaction = kTransaction, .source = endpoint("192.0.2.33:41641")};
  EXPECT_EQ(encode(pong), bytes("0200", kTxid, kIpv4Address));
  EXPECT_EQ(encode(pong).size(), kPongSize);
}

TEST(DiscoMessages, EncodesWhatItDecodedOfEveryRecordedMessage) {
  std::array<int, 3> seen{};
  for (const auto& row : read_vectors(WARREN_SOURCE_DIR "/src/proto/disco/testdata/recorded.txt")) {
    if (row[0] != "frame") continue;
    SCOPED_TRACE(row[3]);
    const Bytes payload = from_hex(row[3]);
    const auto message = decode_message(payload);
    ASSERT_TRUE(message);
    EXPECT_EQ(encode_any(*message), payload);
    ++seen[message->index()];
  }
  EXPECT_EQ(seen, (std::array{17, 7, 5}));  // ping, pong, call-me-maybe
}

TEST(DiscoMessages, DecodesAPingWithOrWithoutKeyAndPadding) {
  EXPECT_EQ(decoded<Ping>(bytes("0100", kTxid, kKey)), spec_ping());
  EXPECT_EQ(decoded<Ping>(bytes("0100", kTxid)),
            (Ping{.transaction = kTransaction, .node_key = {}}));
  Ping padded = spec_ping();
  padded.padding = 5;
  EXPECT_EQ(decoded<Ping>(bytes("0100", kTxid, kKey, "0000000000")), padded);
  EXPECT_EQ(encode(padded), bytes("0100", kTxid, kKey, "0000000000"));
  EXPECT_EQ(decoded<Ping>(bytes("0100", kTxid, "ffff")),
            (Ping{.transaction = kTransaction, .node_key = {}, .padding = 2}));
}

TEST(DiscoMessages, TakesLongerPongsAndOtherVersionsOfPingAndPong) {
  const Pong pong{.transaction = kTransaction, .source = endpoint("[2001:db8:51::20]:443")};
  EXPECT_EQ(decoded<Pong>(bytes("0200", kTxid, kIpv6Address)), pong);
  EXPECT_EQ(decoded<Pong>(bytes("0200", kTxid, kIpv6Address, "ffffff")), pong);
  EXPECT_EQ(decoded<Pong>(bytes("0201", kTxid, kIpv6Address)), pong);
  EXPECT_EQ(decoded<Ping>(bytes("0101", kTxid, kKey)), spec_ping());
}

TEST(DiscoMessages, RejectsEveryTruncationOfPingAndPong) {
  for (const auto& [payload, least] :
       {std::pair{bytes("0100", kTxid, kKey), 14U}, {bytes("0200", kTxid, kIpv4Address), 32U}}) {
    for (std::size_t n = 0; n < payload.size(); ++n) {
      EXPECT_EQ(decode_message(ByteView(payload).first(n)).has_value(), n >= least) << n;
    }
  }
}

TEST(DiscoMessages, DecodesCallMeMaybe) {
  const Bytes payload = bytes("0300", kIpv4Address, kIpv6Address);
  const auto list = decoded<CallMeMaybe>(payload);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list.at(0), endpoint("192.0.2.33:41641"));
  EXPECT_EQ(list.at(1), endpoint("[2001:db8:51::20]:443"));
  EXPECT_EQ(encode_call_me_maybe(std::array{list.at(0), list.at(1)}), payload);
}

TEST(DiscoMessages, TakesAMalformedCallMeMaybeForAnEmptyOne) {
  EXPECT_EQ(decoded<CallMeMaybe>(bytes("0300")).size(), 0U);
  EXPECT_EQ(decoded<CallMeMaybe>(bytes("0301", kIpv4Address)).size(), 0U);
  const Bytes payload = bytes("0300", kIpv4Address, kIpv6Address);
  for (std::size_t n = 2; n <= payload.size(); ++n) {
    const auto list = decoded<CallMeMaybe>(ByteView(payload).first(n));
    EXPECT_EQ(list.size(), (n - 2) % kAddressSize == 0 ? (n - 2) / kAddressSize : 0) << n;
  }
}

TEST(DiscoMessages, DecodesTheLargestCallMeMaybe) {
  // As many as a datagram holds (paths appendix B).
  const std::vector<Endpoint> endpoints(3636, endpoint("192.0.2.33:41641"));
  const Bytes payload = encode_call_me_maybe(endpoints);
  const auto list = decoded<CallMeMaybe>(payload);
  ASSERT_EQ(list.size(), endpoints.size());
  EXPECT_EQ(list.at(3635), endpoints.back());
}

TEST(DiscoMessages, LeavesOtherTypesAlone) {
  for (unsigned type = 0; type < 256; ++type) {
    if (type >= 1 && type <= 3) continue;
    Bytes payload(200);
    payload[0] = static_cast<std::uint8_t>(type);
    const auto message = decode_message(payload);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error(), DecodeError::NotThisMessage);
  }
}

}  // namespace
}  // namespace warren::disco
