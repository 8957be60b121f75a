#include <algorithm>
#include <set>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/engine.h"
#include "control/core/testing.h"

// Many nodes: their entries go out in chunks that all receivers share, and large messages wait
// while much is on the way.
namespace warren::control {
namespace {

using netmap::testing::machine;
using testing::Bench;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint8_t kMany = 200;  // four chunks

std::string new_key(Bench& bench) {
  EXPECT_EQ(bench.admin("POST", "users", R"({"login":"ann"})").status, 200);
  const auto answer = bench.admin("POST", "keys", R"({"user":"ann","reusable":true})");
  return std::string(boost::json::parse(answer.body).at("key").as_string());
}

void join(Bench& bench, const std::string& key, std::uint8_t first, std::uint8_t last) {
  for (std::uint8_t number = first; number <= last; ++number) {
    const auto who = machine(number, number, fmt::format("m{}", number));
    ASSERT_EQ(bench.join(who, key).error, "");
    bench.update(who, Bench::map_wish(who));
  }
}

std::multiset<std::string> names(const std::vector<Node>& nodes) {
  std::multiset<std::string> out;
  for (const Node& node : nodes) out.insert(node.name);
  return out;
}

std::multiset<std::string> expected(std::uint8_t first, std::uint8_t last, std::uint8_t but = 0) {
  std::multiset<std::string> out;
  for (std::uint8_t number = first; number <= last; ++number) {
    if (number != but) out.insert(fmt::format("m{}.home.internal.", number));
  }
  return out;
}

TEST(ControlEngineCrowd, TellsEachNodeOnceToCompressedStreams) {
  Bench bench;
  join(bench, new_key(bench), 1, kMany);
  for (const std::uint8_t number : {std::uint8_t{1}, std::uint8_t{100}, kMany}) {
    const RequestId stream = bench.open_stream(machine(number, number), "zstd");
    bench.pass(10ms);
    const auto maps = bench.take(stream, Compression::Zstd);
    ASSERT_FALSE(maps.empty());
    EXPECT_EQ(names(maps[0].peers), expected(1, kMany, number));
    EXPECT_THAT(maps[0].user_profiles, SizeIs(1));
  }
}

TEST(ControlEngineCrowd, SharesAChunkOnlyWhileItsNodesAreAsTheyWere) {
  Bench bench;
  join(bench, new_key(bench), 1, kMany);
  bench.open_stream(machine(1, 1), "zstd");
  bench.pass(100ms);
  const auto moved = machine(150, 150, "m150");
  MapRequest wish = Bench::map_wish(moved);
  wish.endpoints = {{.address = IpAddress::v4({192, 0, 2, 7}), .port = 4242}};
  bench.update(moved, wish);
  bench.pass(100ms);
  const RequestId stream = bench.open_stream(machine(2, 2), "zstd");
  bench.pass(10ms);
  const auto maps = bench.take(stream, Compression::Zstd);
  ASSERT_FALSE(maps.empty());
  const auto found =
      std::ranges::find(maps[0].peers, std::string("m150.home.internal."), &Node::name);
  ASSERT_NE(found, maps[0].peers.end());
  EXPECT_EQ(found->endpoints, wish.endpoints);
}

TEST(ControlEngineCrowd, TellsAWaveOfNewNodesInChunks) {
  Bench bench;
  const std::string key = new_key(bench);
  join(bench, key, 1, 10);
  const RequestId stream = bench.open_stream(machine(1, 1), "zstd");
  bench.pass(100ms);
  bench.take(stream, Compression::Zstd);
  bench.is_slow = true;  // so that they merge
  join(bench, key, 11, kMany);
  bench.pass(1s);
  bench.is_slow = false;
  bench.engine.on_drained(stream, bench.moment(), bench.actions);
  bench.perform();
  bench.pass(1s);
  std::set<std::string> told;
  for (const MapResponse& news : bench.take(stream, Compression::Zstd)) {
    for (const Node& node : news.peers_changed) told.insert(node.name);
    EXPECT_THAT(news.peers_removed, IsEmpty());
  }
  for (const std::string& name : expected(11, kMany)) EXPECT_TRUE(told.contains(name)) << name;
  EXPECT_FALSE(told.contains("m1.home.internal.")) << "that is the receiver";
}

TEST(ControlEngineCrowd, HoldsLargeMessagesBackWhileMuchIsOnTheWay) {
  EngineOptions options = Bench::defaults();
  options.max_unsent = 1;  // one message at a time
  Bench bench(std::move(options));
  join(bench, new_key(bench), 1, 20);
  bench.is_slow = true;
  std::vector<RequestId> streams;
  for (std::uint8_t number = 1; number <= 5; ++number) {
    streams.push_back(bench.open_stream(machine(number, number)));
  }
  bench.pass(1s);
  const auto served = [&] {
    return std::ranges::count_if(streams,
                                 [&](RequestId stream) { return bench.frames.contains(stream); });
  };
  EXPECT_EQ(served(), 1);
  // One that goes makes room as well as one that has taken its message.
  bench.engine.on_request_gone(streams[0], bench.moment(), bench.actions);
  bench.perform();
  EXPECT_EQ(served(), 2);
  bench.engine.on_request_gone(streams[4], bench.moment(), bench.actions);  // it waited
  bench.perform();
  for (std::size_t i = 1; i < 4; ++i) {
    bench.engine.on_drained(streams[i], bench.moment(), bench.actions);
    bench.perform();
  }
  EXPECT_EQ(served(), 4);
  for (std::size_t i = 1; i < 4; ++i) {
    const auto maps = bench.take(streams[i]);
    ASSERT_FALSE(maps.empty());
    EXPECT_THAT(maps[0].peers, SizeIs(19));
  }
}

}  // namespace
}  // namespace warren::control
