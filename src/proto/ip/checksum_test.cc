#include "proto/ip/checksum.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/random.h"

namespace warren::ip {
namespace {

// RFC 1071 section 4.1, in C of its time: what every faster form must equal.
std::uint16_t reference_checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += load_be<std::uint16_t>(bytes.data() + i);
  if (i < bytes.size()) sum += static_cast<std::uint32_t>(bytes[i]) << 8U;
  while (sum >> 16U != 0) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> random_bytes(std::uint64_t seed, std::size_t size) {
  std::vector<std::uint8_t> out(size);
  SeededRandom(seed).fill(out);
  return out;
}

TEST(IpChecksum, GivesTheExampleOfRfc1071) {  // section 3
  const std::array<std::uint8_t, 8> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(Sum().add(bytes).folded(), 0xddf2);
  EXPECT_EQ(Sum().add(bytes).checksum(), 0x220d);
}

TEST(IpChecksum,
     VerifiesARecordedIpv4Header) {  // disco-wireguard.pcap of the golden data, frame 16
  std::array<std::uint8_t, 20> header{};
  ASSERT_TRUE(parse_hex("450000b0c97f400040111c2dc6336414c6336415", header));
  EXPECT_TRUE(Sum().add(header).verifies());
  header[8] ^= 1U;
  EXPECT_FALSE(Sum().add(header).verifies());
}

TEST(IpChecksum, EqualsTheReferenceForEveryLengthAndAlignment) {
  const auto bytes = random_bytes(1, 400);
  for (std::size_t offset = 0; offset < 9; ++offset) {
    for (std::size_t size = 0; size + offset <= bytes.size(); ++size) {
      const ByteView view = ByteView(bytes).subspan(offset, size);
      ASSERT_EQ(Sum().add(view).checksum(), reference_checksum(view)) << offset << " " << size;
    }
  }
}

TEST(IpChecksum, EqualsTheReferenceForPacketsOfAllOnes) {
  const std::vector<std::uint8_t> bytes(65535, 0xFF);  // the most carries
  EXPECT_EQ(Sum().add(bytes).checksum(), reference_checksum(bytes));
}

TEST(IpChecksum, CopiesWhatItSums) {
  const auto bytes = random_bytes(2, 2000);
  for (const std::size_t size : {0UL, 1UL, 2UL, 3UL, 7UL, 8UL, 31UL, 33UL, 1368UL, 1999UL}) {
    std::vector<std::uint8_t> out(2001, 0xAA);
    const ByteView view = ByteView(bytes).first(size);
    EXPECT_EQ(Sum().add_and_copy(view, out.data() + 1).checksum(), reference_checksum(view));
    EXPECT_TRUE(std::ranges::equal(ByteView(out).subspan(1, size), view));
    EXPECT_EQ(out[size + 1], 0xAA) << "wrote past " << size;
  }
}

TEST(IpChecksum, AddsPartsInAnyOrder) {
  const auto bytes = random_bytes(3, 101);
  const ByteView all(bytes);
  Sum sum;
  sum.add(all.subspan(40)).add(all.first(38));
  sum.add_be16(load_be<std::uint16_t>(all.data() + 38));
  EXPECT_EQ(sum.checksum(), reference_checksum(all));
}

TEST(IpChecksum, UpdatesForAChangedWord) {
  SeededRandom random(4);
  for (int i = 0; i < 1000; ++i) {
    auto bytes = random_bytes(random.u64(), 20);
    const std::uint16_t checksum = Sum().add(bytes).checksum();
    const auto before = load_be<std::uint16_t>(bytes.data() + 6);
    const auto after = static_cast<std::uint16_t>(random.u32());
    store_be(bytes.data() + 6, after);
    EXPECT_EQ(update_checksum(checksum, before, after), Sum().add(bytes).checksum());
  }
}

TEST(IpChecksum, RemovesWhatItAdded) {
  const auto bytes = random_bytes(5, 40);
  Sum sum;
  sum.add(bytes).add_be16(0x1234).remove_be16(0x1234);
  EXPECT_EQ(sum.checksum(), Sum().add(bytes).checksum());
}

TEST(IpChecksum, CountsLengthAndProtocolInThePseudoHeader) {
  std::vector<std::uint8_t> v4(12);
  ASSERT_TRUE(parse_hex("c6336414c6336415001100a2", v4));  // RFC 768: zero, protocol, length
  EXPECT_EQ(pseudo_header(ByteView(v4).first(8), 17, 0xa2).folded(), Sum().add(v4).folded());
  std::vector<std::uint8_t> v6 = random_bytes(6, 40);  // RFC 8200: length(4), zero(3), next header
  ASSERT_TRUE(parse_hex("0001000800000006", MutableByteView(v6).last(8)));
  EXPECT_EQ(pseudo_header(ByteView(v6).first(32), 6, 0x10008).folded(), Sum().add(v6).folded());
}

TEST(IpChecksum, SendsAZeroUdpChecksumAsItsOtherForm) {
  const std::array<std::uint8_t, 2> ones{0xFF, 0xFF};
  EXPECT_EQ(Sum().add(ones).checksum(), 0);
  EXPECT_EQ(Sum().add(ones).udp_checksum(), 0xFFFF);
}

}  // namespace
}  // namespace warren::ip
