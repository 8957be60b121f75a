#include "proto/stun/binding.h"

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::stun {
namespace {

// Spec: paths appendix A.
constexpr std::string_view kSpecRequest =
    "000100142112a442000102030405060708090a0b802200087461696c6e6f6465802800048aabad90";

// RFC 5769 sections 2.2 and 2.3. FINGERPRINT and MESSAGE-INTEGRITY were recomputed when the
// vectors were added.
constexpr std::string_view kRfc5769Ipv4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147"
    "e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
constexpr std::string_view kRfc5769Ipv6 =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004"
    "c8fb0b4c";

constexpr TransactionId kTransaction = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

Bytes encoded(const BindingSuccess& message) {
  Bytes out(kMaxBindingSuccessSize);
  out.resize(encode_binding_success(out, message));
  return out;
}

// A success with kTransaction and these attributes.
Bytes success_with(std::string_view attributes) {
  Bytes out = from_hex("010100002112a442000102030405060708090a0b" + std::string(attributes));
  out[3] = static_cast<std::uint8_t>(attributes.size() / 2);
  return out;
}

TEST(StunBinding, EncodesTheRequestOfTheSpec) {
  EXPECT_EQ(to_hex(encode_binding_request(kTransaction)), kSpecRequest);
  EXPECT_EQ(decode_binding_request(from_hex(kSpecRequest)), kTransaction);
}

TEST(StunBinding, DecodesTheResponsesOfRfc5769) {
  const auto ipv4 = decode_binding_success(from_hex(kRfc5769Ipv4));
  ASSERT_TRUE(ipv4);
  EXPECT_EQ(to_hex(ipv4->transaction), "b7e7a701bc34d686fa87dfae");
  EXPECT_EQ(ipv4->mapped, endpoint("192.0.2.1:32853"));
  const auto ipv6 = decode_binding_success(from_hex(kRfc5769Ipv6));
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->mapped, endpoint("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
}

TEST(StunBinding, DecodesEveryRecordedExchange) {
  const auto rows = read_vectors(WARREN_SOURCE_DIR "/src/proto/stun/testdata/recorded.txt");
  ASSERT_EQ(rows.size(), 12U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[1]);
    const Endpoint client = endpoint(row[0]);
    const auto transaction = decode_binding_request(from_hex(row[1]));
    ASSERT_TRUE(transaction);
    EXPECT_EQ(to_hex(encode_binding_request(*transaction)), row[1]);

    const Bytes answer = from_hex(row[2]);
    EXPECT_TRUE(looks_like_binding_success(answer));
    EXPECT_EQ(answer.size(), kMaxBindingSuccessSize);  // IPv4 too: mapped
    const BindingSuccess expected{.transaction = *transaction, .mapped = client};
    EXPECT_EQ(decode_binding_success(answer), expected);
    const Bytes ours = encoded(expected);
    EXPECT_EQ(ours.size(), client.address.is_v4() ? 32U : 44U);
    EXPECT_EQ(decode_binding_success(ours), expected);
    if (client.address.is_v6()) {
      EXPECT_EQ(ours, answer);
    }
  }
}

TEST(StunBinding, AnswersOnlyTheExactRequest) {
  const Bytes wire = from_hex(kSpecRequest);
  for (std::size_t bit = 0; bit < wire.size() * 8; ++bit) {
    Bytes changed = wire;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(decode_binding_request(changed)) << "bit " << bit;
  }
  Bytes longer = wire;
  longer.resize(2 * wire.size());
  for (std::size_t n = 0; n <= longer.size(); ++n) {
    if (n == wire.size()) continue;
    EXPECT_FALSE(decode_binding_request(ByteView(longer).first(n))) << "length " << n;
  }
}

TEST(StunBinding, DoesNotTakeARequestForASuccess) {
  // Row 1 of paths section 0.2 does not tell them apart.
  EXPECT_TRUE(looks_like_binding_success(from_hex(kSpecRequest)));
  EXPECT_EQ(decode_binding_success(from_hex(kSpecRequest)),
            unexpected(DecodeError::NotThisMessage));
  EXPECT_EQ(decode_binding_request(ByteView(from_hex(kRfc5769Ipv4)).first(40)),
            unexpected(DecodeError::NotThisMessage));
}

TEST(StunBinding, RejectsEveryTruncation) {
  for (const std::string_view text : {kRfc5769Ipv4, kRfc5769Ipv6}) {
    const Bytes wire = from_hex(text);
    for (std::size_t n = 0; n < wire.size(); ++n) {
      EXPECT_FALSE(decode_binding_success(ByteView(wire).first(n))) << "length " << n;
      EXPECT_EQ(looks_like_binding_success(ByteView(wire).first(n)), n >= 20) << "length " << n;
    }
  }
}

TEST(StunBinding, PrefersTheMaskedAddressWhereverItStands) {
  // 192.0.2.1:32853 masked, 203.0.113.7:7 plain, and the mistaken form of 192.0.2.2:32853.
  constexpr std::string_view kMasked = "002000080001a147e112a643";
  constexpr std::string_view kMistaken = "802000080001a147e112a640";
  constexpr std::string_view kPlain = "0001000800010007cb007107";
  const std::pair<std::string, std::string_view> cases[] = {
      {std::string(kPlain), "203.0.113.7:7"},
      {std::string(kPlain) + std::string(kMistaken), "192.0.2.2:32853"},
      {std::string(kPlain) + std::string(kMistaken) + std::string(kMasked), "192.0.2.1:32853"},
      {std::string(kMasked) + std::string(kMistaken) + std::string(kPlain), "192.0.2.1:32853"},
      {"7fff000361626300" + std::string(kMasked), "192.0.2.1:32853"},  // unknown, padded
  };
  for (const auto& [attributes, expected] : cases) {
    SCOPED_TRACE(attributes);
    const auto message = decode_binding_success(success_with(attributes));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->mapped, endpoint(expected));
  }
}

TEST(StunBinding, RejectsASuccessWithoutAUsableAddress) {
  for (const std::string_view attributes : {
           "", "8022000474657374",
           "002000080003a147e112a643",          // family 3
           "002000080002a147e112a643",          // IPv6 in eight bytes
           "0020000c0001a147e112a64300000000",  // IPv4 in twelve bytes
           "002000040001a147",                  // no address
           "00200000000100080001000acb007107",  // masked one empty, plain one right
       }) {
    EXPECT_EQ(decode_binding_success(success_with(attributes)), unexpected(DecodeError::BadValue))
        << attributes;
  }
  EXPECT_EQ(decode_binding_success(success_with("00200008")), unexpected(DecodeError::Truncated));
  Bytes trailing = from_hex(kRfc5769Ipv4);
  trailing.push_back(0);
  EXPECT_EQ(decode_binding_success(trailing), unexpected(DecodeError::BadLength));
}

}  // namespace
}  // namespace warren::stun
