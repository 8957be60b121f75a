#include "io/control_messages.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "io/kernel_release.h"

namespace warren::io {
namespace {

// Recorded with recvmsg from loopback sockets on Linux 6.18, x86-64: UDP_GRO 1200, IP_PKTINFO or
// IPV6_PKTINFO of the loopback address on interface 1, IP_TOS or IPV6_TCLASS 3.
constexpr std::string_view kIpv4 =
    "14000000000000001100000068000000b0040000000000001c00000000000000"
    "0000000008000000010000007f0000017f000001000000001100000000000000"
    "00000000010000000300000000000000";
constexpr std::string_view kIpv6 =
    "14000000000000001100000068000000b0040000000000002400000000000000"
    "2900000032000000000000000000000000000000000000010100000000000000"
    "140000000000000029000000430000000300000000000000";

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> out(hex.size() / 2);
  EXPECT_TRUE(parse_hex(hex, out));
  return out;
}

TEST(ControlMessages, ReadsWhatTheKernelTells) {
  ReceivedControl expected{.segment_size = 1200,
                           .local = LocalAddress{IpAddress::v4({127, 0, 0, 1}), 1},
                           .tos = 3,
                           .overflow = std::nullopt};
  EXPECT_EQ(parse_control_messages(bytes_of(kIpv4)), expected);
  expected.local = LocalAddress{IpAddress::parse("::1").value(), 1};
  EXPECT_EQ(parse_control_messages(bytes_of(kIpv6)), expected);
}

TEST(ControlMessages, TakesNothingFromATruncatedMessage) {
  const auto whole = bytes_of(kIpv4);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A buffer of its own, so that a read past the end is seen.
    const std::vector<std::uint8_t> cut(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
    const ReceivedControl told = parse_control_messages(cut);
    EXPECT_EQ(told.segment_size == 1200, size >= 20) << size;
    EXPECT_EQ(told.local.has_value(), size >= 24 + 28) << size;
    EXPECT_EQ(told.tos == 3, size >= 24 + 32 + 17) << size;
  }
}

TEST(ControlMessages, StopsAtALengthThatCannotBe) {
  const std::uint64_t lengths[] = {0, 15, 81, std::uint64_t{1} << 63, UINT64_MAX};
  for (const std::uint64_t length : lengths) {
    auto bytes = bytes_of(kIpv4);
    store_le(bytes.data(), length);
    EXPECT_EQ(parse_control_messages(bytes), ReceivedControl{}) << length;
  }
}

TEST(ControlMessages, SkipsWhatItDoesNotKnow) {
  auto bytes = bytes_of(kIpv4);
  bytes[12] = 99;  // the first one's type
  const ReceivedControl told = parse_control_messages(bytes);
  EXPECT_EQ(told.segment_size, 0U);
  EXPECT_TRUE(told.local);
}

// Sizes and layout of data-plane section 3.1.
TEST(ControlMessages, WritesWhatTheKernelReads) {
  alignas(16) std::array<std::uint8_t, kSendControlSize> buffer{};
  ControlWriter v4(buffer);
  v4.segment_size(1452);
  v4.source({IpAddress::v4({192, 0, 2, 1}), 7});
  v4.tos(false, 2);
  EXPECT_EQ(to_hex(ByteView(buffer).first(v4.size())),
            "12000000000000001100000067000000ac05000000000000"
            "1c00000000000000000000000800000007000000c00002010000000000000000"
            "14000000000000000000000001000000"
            "0200000000000000");
  buffer = {};
  ControlWriter v6(buffer);
  v6.segment_size(1452);
  v6.source({IpAddress::v6({0xfd, 1}), 7});
  v6.tos(true, 2);
  EXPECT_EQ(to_hex(ByteView(buffer).first(v6.size())),
            "12000000000000001100000067000000ac05000000000000"
            "24000000000000002900000032000000fd0100000000000000000000000000000700000000000000"
            "14000000000000002900000043000000"
            "0200000000000000");
}

TEST(KernelRelease, ReadsNumbersAndIgnoresTheRest) {
  EXPECT_EQ(KernelRelease::parse("6.1.0-28-amd64"), (KernelRelease{6, 1, 0}));
  EXPECT_EQ(KernelRelease::parse("7.1-rc3"), (KernelRelease{7, 1, 0}));
  EXPECT_EQ(KernelRelease::parse("5.10"), (KernelRelease{5, 10, 0}));
  for (const char* text : {"", "x", "7", "7.", "7.x", ".7"}) {
    EXPECT_EQ(KernelRelease::parse(text), std::nullopt) << text;
  }
}

TEST(KernelRelease, KnowsTheReleasesThatDamageSegments) {
  EXPECT_FALSE(damages_udp_segments({6, 99, 9}));
  EXPECT_TRUE(damages_udp_segments({7, 0, 0}));
  EXPECT_TRUE(damages_udp_segments({7, 0, 99}));
  EXPECT_TRUE(damages_udp_segments({7, 1, 4}));
  EXPECT_FALSE(damages_udp_segments({7, 1, 5}));
}

}  // namespace
}  // namespace warren::io
