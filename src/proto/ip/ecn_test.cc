#include "proto/ip/ecn.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/hex.h"
#include "proto/ip/checksum.h"
#include "proto/ip/headers.h"

namespace warren::ip {
namespace {

constexpr Ecn kAll[] = {Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce};

TEST(IpEcn, DecapsulatesByTheTableOfRfc6040) {  // section 4.2, figure 4: a row for each inner value
  constexpr std::optional<Ecn> kDrop;
  const std::optional<Ecn> table[4][4] = {
      // outer: Not-ECT, ECT(0), ECT(1), CE
      {Ecn::NotEct, Ecn::NotEct, Ecn::NotEct, kDrop},
      {Ecn::Ect0, Ecn::Ect0, Ecn::Ect1, Ecn::Ce},
      {Ecn::Ect1, Ecn::Ect1, Ecn::Ect1, Ecn::Ce},
      {Ecn::Ce, Ecn::Ce, Ecn::Ce, Ecn::Ce},
  };
  for (std::size_t inner = 0; inner < 4; ++inner) {
    for (std::size_t outer = 0; outer < 4; ++outer) {
      EXPECT_EQ(ecn_decapsulate(kAll[inner], kAll[outer]), table[inner][outer])
          << "inner " << inner << " outer " << outer;
    }
  }
}

TEST(IpEcn, SetsEachValueInIpv4AndMendsTheChecksum) {
  std::vector<std::uint8_t> packet(20);
  // disco-wireguard.pcap of the golden data, frame 16
  ASSERT_TRUE(parse_hex("450000b0c97f400040111c2dc6336414c6336415", packet));
  for (const Ecn from : kAll) {
    for (const Ecn to : kAll) {
      set_ecn(packet, from);
      set_ecn(packet, to);
      EXPECT_EQ(get_ecn(packet), to);
      EXPECT_TRUE(Sum().add(packet).verifies());
      EXPECT_EQ(packet[1] >> 2U, 0) << "DSCP is kept";
    }
  }
}

TEST(IpEcn, SetsEachValueInIpv6AndKeepsTheRest) {
  std::vector<std::uint8_t> packet(kIpv6HeaderSize);
  store_be<std::uint32_t>(packet.data(), 0x6FFABCDEU | 0x0F000000U);
  for (const Ecn ecn : kAll) {
    set_ecn(packet, ecn);
    EXPECT_EQ(get_ecn(packet), ecn);
    EXPECT_EQ(load_be<std::uint32_t>(packet.data()) & ~0x00300000U, 0x6FCABCDEU);
  }
}

}  // namespace
}  // namespace warren::ip
