#include "wg/index_table.h"

#include <unordered_map>

#include <gtest/gtest.h>

#include "base/random.h"
#include "wg/data_peer.h"

namespace warren::wg {
namespace {

std::unique_ptr<Keypair> make_keypair(DataPeer& peer, std::uint32_t index) {
  return std::make_unique<Keypair>(
      Keypair::Params{.peer = &peer, .local_index = index, .created = TimePoint()}, SymmetricKey(),
      SymmetricKey());
}

TEST(IndexTable, AgreesWithAMapWhileItGrowsAndShrinks) {
  SeededRandom random(1);
  DataPeer peer(PeerId{1});
  IndexTable table;
  std::vector<std::unique_ptr<Retired>> retired;
  std::unordered_map<std::uint32_t, std::unique_ptr<Keypair>> model;
  for (const std::uint64_t bias : {70U, 30U, 60U, 10U}) {  // percent of insertions in a phase
    for (int step = 0; step < 3000; ++step) {
      // Few low bits, so that probes run into each other.
      const auto index = static_cast<std::uint32_t>(random.below(16) | random.below(1000) << 16);
      if (random.below(100) < bias) {
        if (model.contains(index)) continue;
        auto& keypair = model[index] = make_keypair(peer, index);
        table.insert(*keypair, retired);
      } else {
        table.erase(index);  // often of what is not there
        model.erase(index);
      }
      ASSERT_EQ(table.size(), model.size());
      const auto asked = static_cast<std::uint32_t>(random.below(16) | random.below(1000) << 16);
      const auto found = model.find(asked);
      ASSERT_EQ(table.find(asked), found == model.end() ? nullptr : found->second.get());
    }
    for (const auto& [index, keypair] : model) ASSERT_EQ(table.find(index), keypair.get());
  }
  EXPECT_FALSE(retired.empty());  // outgrown tables
}

TEST(IndexTable, FindsKeypairsAmongTheMarksOfManyErasedOnes) {
  DataPeer peer(PeerId{1});
  IndexTable table;
  std::vector<std::unique_ptr<Retired>> retired;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const auto keypair = make_keypair(peer, i * 2654435761U);
    table.insert(*keypair, retired);
    EXPECT_EQ(table.find(keypair->local_index()), keypair.get());
    table.erase(keypair->local_index());
    EXPECT_EQ(table.find(keypair->local_index()), nullptr);
    retired.clear();
  }
  EXPECT_EQ(table.size(), 0);
}

TEST(IndexTable, FindsNothingWhenEmpty) {
  const IndexTable table;
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(UINT32_MAX), nullptr);
}

}  // namespace
}  // namespace warren::wg
