#include "wg/allowed_ips.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace warren::wg {
namespace {

DataPeer* find_linear(const std::vector<AllowedIps::Entry>& entries, const IpAddress& address) {
  const AllowedIps::Entry* best = nullptr;
  for (const auto& entry : entries) {
    if (!entry.prefix.contains(address)) continue;
    if (best == nullptr || entry.prefix.length() >= best->prefix.length()) best = &entry;
  }
  return best == nullptr ? nullptr : best->peer;
}

// Few distinct bits, so that prefixes nest and collide.
IpAddress random_address(Random& random, bool is_v6) {
  std::array<std::uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.below(3) << random.below(8));
  if (is_v6) return IpAddress::v6(bytes);
  return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

TEST(AllowedIps, AgreesWithALinearSearch) {
  SeededRandom random(1);
  std::vector<std::unique_ptr<DataPeer>> peers;
  peers.reserve(10);
  for (std::uint32_t i = 0; i < 10; ++i) peers.push_back(std::make_unique<DataPeer>(PeerId{i}));
  for (int round = 0; round < 50; ++round) {
    std::vector<AllowedIps::Entry> entries;
    const auto count = random.below(100);
    entries.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const IpAddress address = random_address(random, random.below(2) == 0);
      const auto length = static_cast<unsigned>(random.below(address.bit_length() + 1));
      entries.push_back({IpPrefix(address, length), peers[random.below(peers.size())].get()});
    }
    const AllowedIps table(entries);
    for (int i = 0; i < 500; ++i) {
      const IpAddress address = random_address(random, random.below(2) == 0);
      ASSERT_EQ(table.find(address), find_linear(entries, address)) << address.to_string();
    }
  }
}

TEST(AllowedIps, PrefersTheLongestPrefixAndFallsBackToTheDefault) {
  DataPeer all(PeerId{1});
  DataPeer net(PeerId{2});
  DataPeer host(PeerId{3});
  const AllowedIps table({{*IpPrefix::parse("0.0.0.0/0"), &all},
                          {*IpPrefix::parse("10.1.0.0/16"), &net},
                          {*IpPrefix::parse("10.1.2.3/32"), &host}});
  EXPECT_EQ(table.find(*IpAddress::parse("10.1.2.3")), &host);
  EXPECT_EQ(table.find(*IpAddress::parse("10.1.2.4")), &net);
  EXPECT_EQ(table.find(*IpAddress::parse("192.0.2.1")), &all);
  EXPECT_EQ(table.find(*IpAddress::parse("2001:db8::1")), nullptr);
}

TEST(AllowedIps, RoutesNothingWhenEmpty) {
  EXPECT_EQ(AllowedIps().find(*IpAddress::parse("10.0.0.1")), nullptr);
}

}  // namespace
}  // namespace warren::wg
