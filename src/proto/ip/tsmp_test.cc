#include "proto/ip/tsmp.h"

#include <vector>

#include <gtest/gtest.h>

#include "crypto/testing.h"
#include "proto/ip/checksum.h"

namespace warren::ip {
namespace {

// Written by hand from RFC 791, RFC 8200 and paths section 4.6.
constexpr const char* kPing4 = "4500001d 00000000 40630000 64400001 64400002 70 0102030405060708";
constexpr const char* kPing6 =
    "60000000 0009 63 40 fd7a115ca1e000000000000000000001 fd7a115ca1e000000000000000000002"
    "70 0102030405060708";
constexpr const char* kPong6 =
    "60000000 000b 63 40 fd7a115ca1e000000000000000000002 fd7a115ca1e000000000000000000001"
    "6f 0102030405060708 e444";

Bytes answer_to(Bytes packet, std::uint16_t port) {
  const auto info = parse_packet(packet);
  if (!info) return {};
  packet.resize(packet.size() + kTsmpPongGrowth);
  const auto pong = make_tsmp_pong(packet, *info, port);
  return pong ? Bytes(pong->begin(), pong->end()) : Bytes();
}

TEST(Tsmp, AnswersAPingOverIpv6) {
  EXPECT_EQ(answer_to(from_hex(kPing6), 58436), from_hex(kPong6));
}

TEST(Tsmp, AnswersAPingOverIpv4) {
  const auto pong = answer_to(from_hex(kPing4), 0);
  const auto info = parse_packet(pong);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->source, IpAddress::v4({100, 64, 0, 2}));
  EXPECT_EQ(info->destination, IpAddress::v4({100, 64, 0, 1}));
  EXPECT_EQ(info->total_size, 31U);
  EXPECT_TRUE(Sum().add(ByteView(pong).first(kIpv4MinHeaderSize)).verifies());
  EXPECT_EQ(to_hex(ByteView(pong).subspan(kIpv4MinHeaderSize)), "6f01020304050607080000");
}

TEST(Tsmp, LeavesOutWhatFollowsThePing) {
  auto longer = from_hex(kPing6);
  longer.push_back(0xFF);
  longer[kIpv6LengthOffset + 1] = 10;
  EXPECT_EQ(answer_to(longer, 58436), from_hex(kPong6));
}

TEST(Tsmp, AnswersNothingElse) {
  auto pong = from_hex(kPing6);
  pong[kIpv6HeaderSize] = 'o';
  EXPECT_TRUE(answer_to(pong, 0).empty());
  auto cut = from_hex(kPing6);
  cut[kIpv6LengthOffset + 1] = 8;
  EXPECT_TRUE(answer_to(cut, 0).empty());
  auto other = from_hex(kPing6);
  other[kIpv6NextHeaderOffset] = 98;
  EXPECT_TRUE(answer_to(other, 0).empty());
  auto fragment = from_hex(kPing4);
  fragment[kIpv4FragmentOffset] = 0x20;
  EXPECT_TRUE(answer_to(fragment, 0).empty());
}

}  // namespace
}  // namespace warren::ip
