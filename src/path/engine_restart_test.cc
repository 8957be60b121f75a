#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "path/constants.h"
#include "path/engine.h"
#include "path/testing/pair.h"

// Another disco key of a peer is another process (spec: paths sections 1.10, 5.5).
namespace warren::path {
namespace {

using testing::kRegion;
using testing::Pair;

class PathEngineRestart : public ::testing::Test {
 protected:
  PathEngineRestart() { pair.introduce(); }

  PeerConfig b_as_known() const {
    return {.node_key = pair.b.node_key,
            .disco_key = pair.b.disco_key,
            .endpoints = {},
            .home = kRegion};
  }

  // a is told; true when it forgets the session.
  bool tell(const PeerConfig& config) {
    pair.a.engine.set_peer(pair.a.peer, config, pair.now, pair.a.actions);
    const bool forgets =
        std::ranges::count(pair.a.actions, Action(ForgetSession{pair.a.peer})) == 1;
    pair.perform(pair.a);
    return forgets;
  }

  Pair pair;
  const DiscoPublicKey other_key = DiscoPrivateKey(std::array<std::uint8_t, 32>{9}).public_key();
};

TEST_F(PathEngineRestart, ForgetsTheSessionWhenTheDiscoKeyChanges) {
  PeerConfig config = b_as_known();
  config.disco_key = other_key;
  EXPECT_TRUE(tell(config));
  EXPECT_FALSE(tell(config));
  config.endpoints.push_back(pair.b.endpoint);
  EXPECT_FALSE(tell(config));
  config.disco_key = {};  // coordination does not know it for now
  EXPECT_FALSE(tell(config));
  config.disco_key = pair.b.disco_key;
  EXPECT_TRUE(tell(config));
}

TEST_F(PathEngineRestart, KeepsThePathInDoubtUntilTheNewProcessAnswers) {
  pair.talk_for(5s, 20ms);
  ASSERT_EQ(pair.state(pair.a), PathState::Direct);
  auto reborn = DiscoPrivateKey(std::array<std::uint8_t, 32>{9});
  pair.b.engine.set_keys(pair.b.node_key, std::move(reborn));
  PeerConfig config = b_as_known();
  config.disco_key = other_key;
  tell(config);
  EXPECT_EQ(pair.state(pair.a), PathState::Doubt);
  EXPECT_TRUE(pair.path(pair.a).direct && pair.path(pair.a).relay);
  pair.run_for(100ms);
  EXPECT_EQ(pair.state(pair.a), PathState::Direct);
}

TEST_F(PathEngineRestart, NoLongerRepeatsAnInitiationToTheOldProcess) {
  std::vector<std::uint8_t> initiation(148);
  initiation[0] = 1;
  pair.a.engine.send_handshake(pair.a.peer, initiation, pair.now, pair.a.actions);
  pair.perform(pair.a);
  pair.run_for(100ms);
  ASSERT_FALSE(pair.b.received.empty());
  PeerConfig config = b_as_known();
  config.disco_key = other_key;
  tell(config);
  pair.b.received.clear();
  pair.run_for(10s);
  EXPECT_TRUE(pair.b.received.empty());
}

TEST_F(PathEngineRestart, KnowsWhoseAnAddressIsWhileItIsProven) {
  EXPECT_EQ(pair.a.engine.find_proven(pair.b.endpoint), std::nullopt);
  pair.talk_for(5s, 20ms);
  EXPECT_EQ(pair.a.engine.find_proven(pair.b.endpoint), pair.a.peer);
  EXPECT_EQ(pair.a.engine.find_proven(pair.a.endpoint), std::nullopt);
  pair.run_for(kTrust + kSessionActive);  // silence
  EXPECT_EQ(pair.a.engine.find_proven(pair.b.endpoint), std::nullopt);
  pair.talk_for(1s, 20ms);
  EXPECT_EQ(pair.a.engine.find_proven(pair.b.endpoint), pair.a.peer);
  pair.a.engine.remove_peer(pair.a.peer);
  EXPECT_EQ(pair.a.engine.find_proven(pair.b.endpoint), std::nullopt);
}

}  // namespace
}  // namespace warren::path
