#include "proto/relay/region.h"

#include <gtest/gtest.h>

#include "crypto/testing.h"

namespace warren::relay {
namespace {

constexpr std::string_view kDigest =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

Region region(std::uint16_t id) {
  Region out;
  out.id = RegionId{id};
  return out;
}

TEST(RelayMap, FindsARegionById) {
  const Map map{.regions = {region(1), region(900), region(65535)}};
  for (const Region& expected : map.regions) EXPECT_EQ(map.find(expected.id), &expected);
  for (const RegionId id : {RegionId{0}, RegionId{2}, RegionId{901}, RegionId{65534}}) {
    EXPECT_EQ(map.find(id), nullptr);
  }
  EXPECT_EQ(Map().find(RegionId{1}), nullptr);
}

TEST(RelayNode, IsCheckedByChainUnlessTheMapSaysOtherwise) {
  Node node;
  EXPECT_EQ(certificate_check(node), CertificateCheck::Chain);
  node.cert_name = "relay.example.org";
  EXPECT_EQ(certificate_check(node), CertificateCheck::Chain);
  EXPECT_EQ(pinned_certificate(node), std::nullopt);
  node.insecure_for_tests = true;
  EXPECT_EQ(certificate_check(node), CertificateCheck::None);
  node.cert_name = "sha256-raw:" + std::string(kDigest);
  EXPECT_EQ(certificate_check(node), CertificateCheck::Pinned);
  EXPECT_EQ(pinned_certificate(node), array_from_hex<32>(kDigest));
}

TEST(RelayNode, WithAMalformedPinMatchesNoCertificate) {
  for (const std::string& pin : {std::string(), std::string("00"), std::string(kDigest) + "00",
                                 std::string(kDigest).replace(5, 1, "g")}) {
    SCOPED_TRACE(pin);
    Node node;
    node.cert_name = "sha256-raw:" + pin;
    node.insecure_for_tests = true;
    EXPECT_EQ(certificate_check(node), CertificateCheck::Pinned);
    EXPECT_EQ(pinned_certificate(node), std::nullopt);
  }
}

}  // namespace
}  // namespace warren::relay
