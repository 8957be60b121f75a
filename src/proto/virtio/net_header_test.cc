#include "proto/virtio/net_header.h"

#include <algorithm>
#include <bit>

#include <gtest/gtest.h>

namespace warren::virtio {
namespace {

// Read from a TUN device (data-plane section 2.3): bulk TCP over IPv4 with timestamps;
// little-endian.
constexpr std::array<std::uint8_t, kNetHeaderSize> kBulk = {1, 1, 52, 0, 0x58, 5, 20, 0, 16, 0};

TEST(VirtioNetHeader, DecodesBulkTcp) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "the vector is little-endian";
  const auto header = decode_net_header(kBulk);
  ASSERT_TRUE(header);
  EXPECT_EQ(*header, (NetHeader{.flags = kNeedsChecksum,
                                .gso_type = GsoType::TcpV4,
                                .gso_ecn = false,
                                .header_size = 52,
                                .gso_size = 1368,
                                .checksum_start = 20,
                                .checksum_offset = 16}));
}

TEST(VirtioNetHeader, EncodesWhatItDecoded) {
  for (const unsigned type : {0x00U, 0x01U, 0x04U, 0x05U, 0x81U, 0x84U, 0x7FU}) {
    auto bytes = kBulk;
    bytes[1] = static_cast<std::uint8_t>(type);
    std::array<std::uint8_t, kNetHeaderSize> again{};
    encode_net_header(again, *decode_net_header(bytes));
    EXPECT_EQ(again, bytes);
  }
}

TEST(VirtioNetHeader, KeepsTheEcnBitApart) {
  auto bytes = kBulk;
  bytes[1] = 0x81;
  EXPECT_TRUE(decode_net_header(bytes)->gso_ecn);
  EXPECT_EQ(decode_net_header(bytes)->gso_type, GsoType::TcpV4);
}

TEST(VirtioNetHeader, RejectsEveryTruncation) {
  for (std::size_t n = 0; n < kBulk.size(); ++n) {
    EXPECT_FALSE(decode_net_header(ByteView(kBulk).first(n))) << "length " << n;
  }
}

}  // namespace
}  // namespace warren::virtio
