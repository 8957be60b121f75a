#include "sim/control_world.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace warren::sim {
namespace {

constexpr Duration kTo1970 = -1'700'000'000s;
constexpr Duration kTo2050 = 824'000'000s;

class ControlWorldTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world.server->admin("POST", "users", R"({"login":"ann"})");
    world.time.run_for(1s);
    key = make_key(true);
  }

  std::string make_key(bool is_reusable) {
    std::string out;
    world.server->admin("POST", "keys",
                        fmt::format(R"({{"user":"ann","reusable":{}}})", is_reusable),
                        [&](unsigned, const std::string& json) { out = text_field(json, "key"); });
    world.time.run_for(1s);
    return out;
  }

  ControlWorld::Device& add(std::string_view place, Duration clock = {}) {
    ControlWorld::Device& device = world.add(site(place));
    device.clock_step = clock;
    world.start(device);
    return device;
  }

  void expect_settled() {
    const auto wrong = world.settle();
    EXPECT_FALSE(wrong) << *wrong;
  }

  ControlWorld world{1, nullptr};
  std::string key;
};

TEST_F(ControlWorldTest, JoinsTwoHomesAndTheyTalkDirectlyWithinASecond) {
  auto& a = add("easy behind CGNAT");
  auto& b = add("easy");
  a.node->up(key);
  b.node->up(key);
  world.talk(1s, 20ms);
  EXPECT_TRUE(ControlWorld::have_talked(a, b, world.time.now() - 100ms));
  ASSERT_TRUE(a.node->overlay() != nullptr && b.node->overlay() != nullptr);
  const auto peer = a.node->overlay()->engine().find_peer(b.node->node_key());
  ASSERT_TRUE(peer);
  EXPECT_TRUE(a.node->overlay()->is_direct(*peer));
}

TEST_F(ControlWorldTest, AdmitsOneOfManyByASingleUseKey) {
  const std::string single = make_key(false);
  for (int i = 0; i < 8; ++i) add("easy").node->up(single);
  world.time.run_for(10s);
  EXPECT_EQ(world.members().size(), 1);
  EXPECT_EQ(world.check(), std::nullopt);
}

TEST_F(ControlWorldTest, TalksWhateverTheClocksSay) {
  for (const Duration servers : {kTo1970, -kTo1970 + kTo2050}) {
    SCOPED_TRACE(servers / 1s);
    world.server->set_clock(servers);
    key = make_key(true);
    add("easy", kTo1970).node->up(key);
    add("hard", kTo2050).node->up(key);
    add("easy").node->up(key);
    expect_settled();
  }
}

TEST_F(ControlWorldTest, KeepsTheTunnelWhileAClockIsSet) {
  auto& a = add("easy");
  auto& b = add("easy");
  a.node->up(key);
  b.node->up(key);
  expect_settled();
  a.node->set_clock(kTo2050);
  b.node->set_clock(kTo1970);
  world.time.run_for(std::chrono::hours(2));  // expiry is looked at once an hour
  const TimePoint start = world.time.now();
  world.talk(2s, 100ms);
  EXPECT_TRUE(ControlWorld::have_talked(a, b, start + 1s));
}

TEST_F(ControlWorldTest, CutsOffTwoNodesThatAreDeletedFromEachOther) {
  auto& a = add("public");
  auto& b = add("public");
  a.node->up(key);
  b.node->up(key);
  expect_settled();
  // Whoever has the key in memory would be back at once.
  for (const auto& [id, row] : world.server->tables().auth_keys())
    world.server->admin("DELETE", "keys/" + id, {});
  a.is_welcome = false;
  b.is_welcome = false;
  for (const auto& [id, row] : world.server->tables().nodes())
    world.server->admin("DELETE", "nodes/" + row.name, {});
  world.time.run_for(10s);
  EXPECT_EQ(world.members().size(), 0);
  expect_settled();
}

}  // namespace
}  // namespace warren::sim
