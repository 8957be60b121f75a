#include "node/relay_names.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "node/testing/loop_test.h"

namespace warren::node {
namespace {

constexpr relay::RegionId kRegion{901};

relay::Map map_of(relay::Node node) {
  relay::Region region;
  region.id = kRegion;
  region.nodes = {std::move(node)};
  relay::Map out;
  out.regions = {std::move(region)};
  return out;
}

relay::Node named(const std::string& host) {
  relay::Node out;
  out.host_name = host;
  return out;
}

struct RelayNamesTest : testing::LoopTest {
  RelayNamesTest()
      : names(std::make_unique<RelayNames>(
            loop.get_executor(), hosts, Log::nowhere(), [this] { ++changes; })) {}

  ~RelayNamesTest() override { run(names->stop()); }

  SeededRandom random{1};
  HostLookup hosts{0, random};
  int changes = 0;
  std::unique_ptr<RelayNames> names;
};

TEST_F(RelayNamesTest, FillsInWhatTheNameServiceSays) {
  relay::Map map = map_of(named("localhost"));
  EXPECT_FALSE(names->fill(map));
  ASSERT_TRUE(until([&] { return changes > 0; }));
  EXPECT_TRUE(names->fill(map));
  EXPECT_EQ(map.regions[0].nodes[0].ipv4, "127.0.0.1");
  EXPECT_NE(map.regions[0].nodes[0].ipv6, "");
}

TEST_F(RelayNamesTest, LeavesAddressesOfTheMapAlone) {
  relay::Node node = named("localhost");
  node.ipv4 = "203.0.113.1";
  node.ipv6 = "none";
  relay::Map map = map_of(node);
  EXPECT_TRUE(names->fill(map));
  EXPECT_EQ(map, map_of(node));
}

TEST_F(RelayNamesTest, GoesOnWithoutAddressesWhenANameHasNone) {
  relay::Map map = map_of(named(std::string(80, 'x')));  // longer than a label may be
  EXPECT_FALSE(names->fill(map));
  ASSERT_TRUE(until([&] { return changes > 0; }));
  EXPECT_TRUE(names->fill(map));
  EXPECT_EQ(map.regions[0].nodes[0].ipv4, "");
}

TEST_F(RelayNamesTest, SaysNothingWhenAskedAgainWithTheSameAnswer) {
  relay::Map map = map_of(named("localhost"));
  EXPECT_FALSE(names->fill(map));
  ASSERT_TRUE(until([&] { return changes > 0; }));
  names->ask_again();
  relay::Map other = map_of(named("ip6-localhost"));
  EXPECT_FALSE(names->fill(other));  // the next answer to come
  ASSERT_TRUE(until([&] { return changes > 1; }));
  EXPECT_EQ(changes, 2);
}

}  // namespace
}  // namespace warren::node
