#include "relay/client/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/client/constants.h"
#include "relay/client/testing/scripted_relay.h"

namespace warren::relay::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::node;
using testing::only;
using ::testing::SizeIs;
using State = Connection::State;

std::shared_ptr<const Map> map_of(std::vector<Region> regions) {
  auto out = std::make_shared<Map>();
  out->regions = std::move(regions);
  return out;
}

struct RelayEngine : ::testing::Test {
  SeededRandom random{1};
  Engine engine{NodePrivateKey::generate(random), random};
  TimePoint now = TimePoint{} + 1h;
  Actions out;

  Actions take() { return std::exchange(out, {}); }
};

TEST_F(RelayEngine, ConnectsToAHomeThatTheMapBringsLater) {
  engine.set_home(RegionId{2}, now, out);
  EXPECT_THAT(take(), IsEmpty());
  engine.set_map(map_of({testing::region(2, {node("a")})}), now, out);
  EXPECT_THAT(take(), ElementsAre(Action{Connect{RegionId{2}, AttemptId{1}, node("a")}}));
  EXPECT_TRUE(engine.find(RegionId{2})->is_home());
}

TEST_F(RelayEngine, LeavesOutNodesThatCarryNoPackets) {
  Node stun = node("stun");
  stun.stun_only = true;
  engine.set_map(map_of({testing::region(1, {stun, node("a")}), testing::region(2, {stun})}), now,
                 out);
  EXPECT_TRUE(engine.want(RegionId{1}, now, out));
  EXPECT_THAT(take(), ElementsAre(Action{Connect{RegionId{1}, AttemptId{1}, node("a")}}));
  EXPECT_FALSE(engine.want(RegionId{2}, now, out));
  EXPECT_FALSE(engine.want(RegionId{3}, now, out));
}

TEST_F(RelayEngine, KeepsAnOldHomeForAMinute) {
  engine.set_map(map_of({testing::region(1, {node("a")}), testing::region(2, {node("b")})}), now,
                 out);
  engine.set_home(RegionId{1}, now, out);
  engine.set_home(RegionId{2}, now, out);
  EXPECT_THAT(only<Connect>(take()), SizeIs(2));
  EXPECT_FALSE(engine.find(RegionId{1})->is_home());
  EXPECT_EQ(engine.find(RegionId{1})->last_wanted(), now);
}

TEST_F(RelayEngine, MakesARedefinedRegionAnewAndForgetsOneThatIsGone) {
  engine.set_map(map_of({testing::region(1, {node("a")}), testing::region(2, {node("b")}),
                         testing::region(3, {node("c")})}),
                 now, out);
  engine.set_home(RegionId{1}, now, out);
  engine.want(RegionId{2}, now, out);
  engine.want(RegionId{3}, now, out);
  take();
  engine.set_map(map_of({testing::region(1, {node("x")}), testing::region(3, {node("c")})}), now,
                 out);
  const Actions actions = take();
  EXPECT_THAT(only<Close>(actions),
              ElementsAre(Close{RegionId{1}, true}, Close{RegionId{2}, true}));
  EXPECT_THAT(only<Connect>(actions), ElementsAre(Connect{RegionId{1}, AttemptId{4}, node("x")}));
  EXPECT_TRUE(engine.find(RegionId{1})->is_home());
  EXPECT_EQ(engine.find(RegionId{2}), nullptr);
}

TEST_F(RelayEngine, BoundsItsConnectionsAndKeepsHome) {
  std::vector<Region> regions;
  for (std::uint16_t id = 1; id <= 100; ++id) regions.push_back(testing::region(id, {node("n")}));
  engine.set_map(map_of(std::move(regions)), now, out);
  engine.set_home(RegionId{1}, now, out);
  for (std::uint16_t id = 2; id <= 100; ++id) engine.want(RegionId{id}, now += 1ms, out);
  EXPECT_EQ(engine.connections(), kMaxConnections);
  EXPECT_EQ(engine.counters().evicted, 100 - kMaxConnections);
  EXPECT_NE(engine.find(RegionId{1}), nullptr);
  EXPECT_EQ(engine.find(RegionId{2}), nullptr);
  EXPECT_NE(engine.find(RegionId{100}), nullptr);
}

TEST_F(RelayEngine, ForgetsConnectionsThatNobodyWantsAnyMore) {
  engine.set_map(map_of({testing::region(1, {node("a")})}), now, out);
  engine.want(RegionId{1}, now, out);
  for (int i = 0; i < 1000 && engine.connections() > 0; ++i) {
    for (const Connect& connect : only<Connect>(take())) {
      engine.on_closed(connect.region, connect.attempt, now, out);
    }
    now = std::max(now, engine.next_timeout());
    engine.on_timeout(now, out);
  }
  EXPECT_EQ(engine.connections(), 0U);
  EXPECT_EQ(engine.next_timeout(), kNever);
}

}  // namespace
}  // namespace warren::relay::client
